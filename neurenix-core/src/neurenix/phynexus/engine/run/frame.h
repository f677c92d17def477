// The frame of a running region: the pointers to its memory.
#pragma once

#include <phynexus.h>

#include <cstdint>

namespace phynexus {

// The context of a run beside pointers. Each engine defines its own: threads and their workspaces, or a device's queue.
struct Context;

enum Base : int32_t { base_scratch = 0, base_constants = 1, base_first_input = 2 };

struct Frame {
  char* const* bases;  // scratch, constants, then the region's inputs and outputs
  char* workspace;     // free for the step that runs
  Context* context;
};

// Each engine defines it: a copy within its memory, in order with the steps around it. The two places may overlap.
void copy_bytes(const Frame& frame, char* to, const char* from, int64_t bytes);

// The place of a value within any frame.
struct Place {
  int32_t base = 0;
  int64_t offset = 0;
  char* at(char* const* bases) const { return bases[base] + offset; }
};

inline constexpr int64_t round_up(int64_t bytes) {
  return (bytes + PHX_ALIGNMENT - 1) / PHX_ALIGNMENT * PHX_ALIGNMENT;
}

}  // namespace phynexus
