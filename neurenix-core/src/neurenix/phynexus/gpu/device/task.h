// What a task's kernel knows of its map: struct Task, followed by a TaskBase for each base of the body's frame.
#pragma once

#include <stdint.h>

namespace phynexus::gpu {

// In iteration i it points to bases[parent] + offset + i * stride of the frame around; where parent is -1, to
// `offset` in the task's own frame.
struct TaskBase {
  int32_t parent = 0;
  int32_t unused = 0;
  int64_t offset = 0;
  int64_t stride = 0;
};

// The first bytes of a block's shared memory: what handlers find there that are called, not inlined.
struct TaskMemory {
  const char* program = nullptr;
  char* memory = nullptr;  // of handlers
};

// The shared memory of a block: a TaskMemory, the frame's bases, the memory of handlers, and the frame, if it is there.
struct Task {
  int64_t iterations = 0;
  int32_t base_count = 0;
  int32_t memory_at = 0;
  int32_t frame_at = -1;    // in shared memory; -1: it lies in scratch, one for each block
  int32_t frames_base = 0;  // there: bases[frames_base] + frames + block * frame_bytes
  int64_t frames = 0;
  int64_t frame_bytes = 0;
};

}  // namespace phynexus::gpu
