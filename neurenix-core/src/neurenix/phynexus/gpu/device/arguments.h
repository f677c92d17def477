// The arguments of the kernels, structs passed by value; and the state that the steps of a run share.
#pragma once

#include "record.h"

namespace phynexus::gpu {

// What several steps in a row share, in the device's memory. A kernel does nothing where `stopped` is not 0.
struct RunState {
  int64_t step = 0;     // the step that runs now; after all, how many were made
  int32_t stopped = 0;  // 1 once a step has left a false ok
  int32_t ok = -1;      // the base of the whole program's frame that points to its ok; -1: none is asked for
};

// A pointer of the whole program's frame, in step 0, and how far it moves with each step.
struct Bound {
  char* pointer = nullptr;
  int64_t stride = 0;
};

// Of every kernel but phynexus_bind.
struct Arguments {
  const char* program = nullptr;  // Lowered::program, on the device
  char** bases = nullptr;         // the table of all frames' bases: Lowered::pointer_count of them
  RunState* state = nullptr;
  const Bound* bound = nullptr;   // for each base of the whole program's frame
  int64_t frame = 0;              // where in that table the frame lies that this launch runs in
  int64_t records = 0;            // where its records lie in the program, in bytes
  int64_t extra = 0;              // a struct in the program that the kernel knows, in bytes; see the kernel
  int32_t record_count = 0;
  int32_t unused = 0;
};

// Of phynexus_bind, which a call to run() or run_steps() launches before its steps: once for each `most` pointers, the first
// launch with the state. It needs no memory that the host must keep.
struct BindArguments {
  static constexpr int32_t most = 200;
  RunState* state = nullptr;
  RunState first;            // what *state becomes where `sets_state`
  Bound* bound = nullptr;    // bound[first_base + k] = pointers[k]
  int32_t sets_state = 0;
  int32_t first_base = 0;
  int32_t count = 0;
  int32_t unused = 0;
  Bound pointers[most];
};

}  // namespace phynexus::gpu
