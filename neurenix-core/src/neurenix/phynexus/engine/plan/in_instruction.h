// A failure within an instruction says which one: by its number, its name and its source line.
#pragma once

#include "../failure.h"
#include "plan.h"

namespace phynexus {

template <class F>
void in_instruction(const Plan& plan, int32_t index, const F& f) {
  const phx_instruction& instruction = plan.instructions[size_t(index)];
  try {
    f(instruction);
  } catch (const Failure& failure) {
    throw Failure(failure.status, format("instruction %d (%s, source line %d): %s", index,
                                         opcode_name(instruction.opcode), instruction.line, failure.what()));
  }
}

// f(instruction) for those of every region.
template <class F>
void each_instruction(const Plan& plan, const F& f) {
  for (const phx_region& region : plan.regions)
    for (int32_t i = 0; i < region.instructions; i++) in_instruction(plan, region.first_instruction + i, f);
}

}  // namespace phynexus
