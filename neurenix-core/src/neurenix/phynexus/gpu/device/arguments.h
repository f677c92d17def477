// The arguments of every kernel: one struct, passed by value, so that a launch is a name and bytes.
#pragma once

#include "record.h"

namespace phynexus::gpu {

// How far runs have come, in memory of the device. A kernel does nothing where `stopped` is not 0.
struct RunState {
  int64_t steps = 0;    // of this call, that were made
  int32_t stopped = 0;  // 1 once a step has left a false ok
  int32_t unused = 0;
};

// What a kernel that runs records gets.
struct Arguments {
  const char* program = nullptr;  // Lowered::program, on the device
  char** bases = nullptr;         // the table of all frames' bases
  RunState* state = nullptr;
  // In memory that the host sees: the launch that began last, as executable << 32 | launch. The first thread of a
  // launch writes `mark` there, so that a fault can be laid at an instruction's door.
  int64_t* progress = nullptr;
  int64_t mark = 0;
  int64_t frame = 0;    // where in that table the frame lies that this launch runs in
  int64_t records = 0;  // where its records lie in the program, in bytes
  int64_t extra = 0;    // a struct in the program that the kernel knows, in bytes; see the kernel
  int32_t record_count = 0;
  int32_t tail_count = 0;  // records behind these, for the last block to end: see run_level_with
};

// What phynexus_step gets, which comes before each step, and once after the last of several: it looks at the ok of
// the step before, and puts the pointers of the next into the table.
struct StepArguments {
  static constexpr int most = 384;  // more go in further launches; all arguments together fit 4 KB
  char** bases = nullptr;
  RunState* state = nullptr;
  RunState* seen = nullptr;  // a copy of it for the host, in memory that the host sees
  int32_t first = 0;         // into bases
  int32_t count = 0;         // of pointers
  enum Kind : int32_t { after_step, first_of_call, more_pointers };
  int32_t kind = after_step;
  int32_t ok = -1;  // into bases: the ok of the step before, one bool; -1: none
  char* pointers[most] = {};
};
static_assert(sizeof(StepArguments) <= 4096 && sizeof(Arguments) <= 4096);

}  // namespace phynexus::gpu
