// Which steps that have time run later than they could, beside others of their kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "hazards.h"

namespace phynexus::gpu {

// A step of a frame, as its levels see it: a phase a level.
struct Timed {
  std::vector<uint32_t> kernels;  // of each phase, as bits
  int first_level = 0;            // the first that it can have
};

// Moves steps to later levels where their kernels run anyway, so that there are fewer launches. All levels together
// stay as many. `accesses` of each step, in order; no frame's inputs and outputs may lie anywhere.
void bring_together(std::vector<Timed>& steps, const std::vector<std::vector<Access>>& accesses,
                    int32_t base_count, const std::vector<FrameBases>& frames);

}  // namespace phynexus::gpu
