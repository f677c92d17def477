// The arguments of every kernel, one struct passed by value.
#pragma once

#include "record.h"

namespace phynexus::gpu {

// What several steps in a row share, in the device's memory. A kernel does nothing where `stopped` is not 0.
struct RunState {
  int64_t step = 0;     // the step that runs now
  int32_t stopped = 0;  // 1 once a step has left a false ok
  int32_t unused = 0;
};

struct Arguments {
  const char* program = nullptr;  // Lowered::program, on the device
  char** bases = nullptr;         // the table of all frames' bases
  RunState* state = nullptr;
  int64_t frame = 0;              // where in that table the frame lies that this launch runs in
  int64_t records = 0;            // where its records lie in the program, in bytes
  int64_t extra = 0;              // a struct in the program that the kernel knows, in bytes; see the kernel
  int32_t record_count = 0;
  int32_t unused = 0;
};

}  // namespace phynexus::gpu
