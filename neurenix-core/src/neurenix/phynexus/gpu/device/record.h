// The program of a device as plain structs, the same bytes on the host and on the device: pointers that are known
// when it runs, and records, which are instructions made ready for a block of threads.
#pragma once

#include <stdint.h>

namespace phynexus::gpu {

// A place in memory: bases[base] + offset bytes. Bases are the pointers of a frame: see engine/run/frame.h for which.
struct Pointer {
  int32_t base = 0;
  int32_t unused = 0;
  int64_t offset = 0;
};

inline constexpr int max_rank = 8;

// Sizes and strides, in elements, of a value that is walked.
struct View {
  Pointer at;
  int32_t dtype = 0;
  int32_t rank = 0;
  int64_t shape[max_rank] = {};
  int64_t strides[max_rank] = {};
};

// A piece of an instruction that any number of blocks can share: tile 0, 1, ... tiles-1, each done by one block, in any
// order. `params`: where its parameters lie in the program, from its begin; a struct of the handler's own.
struct Record {
  int32_t handler = 0;  // see handlers.h
  int32_t barrier = 0;  // 1: within a task, the records after it wait for it
  int64_t tiles = 1;
  int64_t params = 0;
  int32_t instruction = 0;  // of the plan, for messages and profiles
  int32_t loop =
      0;  // within a task: the last of a loop, whose first, an advance_loop, is so many records back
};

}  // namespace phynexus::gpu
