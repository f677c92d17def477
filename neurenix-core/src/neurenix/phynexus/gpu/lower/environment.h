// Where the frame of a region lies in the frame around it, once calls are inlined.
#pragma once

#include <vector>

#include "../../engine/plan/plan.h"
#include "../../engine/run/frame.h"
#include "../device/record.h"

namespace phynexus::gpu {

inline Pointer moved(Pointer p, int64_t bytes) {
  p.offset += bytes;
  return p;
}

struct Environment {
  const phx_region* region = nullptr;
  std::vector<Pointer> bases;  // of scratch, constants, inputs, outputs: engine/run/frame.h

  // Each base is itself: of a region that has a frame of its own.
  static Environment own(const phx_region& region) {
    Environment e{&region, {}};
    for (int32_t k = 0; k < base_first_input + region.inputs + region.outputs; k++)
      e.bases.push_back({k, 0, 0});
    return e;
  }

  Pointer place(const phx_value& value) const {
    int32_t base = base_scratch;
    if (value.space == PHX_CONSTANTS) base = base_constants;
    if (value.space == PHX_INPUT) base = base_first_input + value.index;
    if (value.space == PHX_OUTPUT) base = base_first_input + region->inputs + value.index;
    return moved(bases[size_t(base)], value.offset);
  }
};

}  // namespace phynexus::gpu
