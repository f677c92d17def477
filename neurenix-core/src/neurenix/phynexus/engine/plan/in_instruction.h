// A failure within an instruction says which one: by its number, its name and, where it is known, its source line.
#pragma once

#include <string>

#include "../failure.h"
#include "plan.h"

namespace phynexus {

// "instruction 3 (dot_general, source line 7)"; of a fused one, what it fuses: "instruction 0 (fused mul + add)".
std::string describe_instruction(const Plan& plan, int32_t index);

template <class F>
void in_instruction(const Plan& plan, int32_t index, const F& f) {
  try {
    f(plan.instructions[size_t(index)]);
  } catch (const Failure& failure) {
    throw Failure(failure.status, describe_instruction(plan, index) + ": " + failure.what());
  }
}

// f(instruction) for those of every region.
template <class F>
void each_instruction(const Plan& plan, const F& f) {
  for (const phx_region& region : plan.regions)
    for (int32_t i = 0; i < region.instructions; i++) in_instruction(plan, region.first_instruction + i, f);
}

}  // namespace phynexus
