// Lowers the instructions of a plan to steps, region after region.
#pragma once

#include <functional>
#include <vector>

#include "../plan/plan.h"
#include "step.h"
#include "timed_step.h"

namespace phynexus {

// The state of lowering that every engine needs; an engine derives its own from it.
struct PlanLowering {
  const Plan& plan;
  std::vector<Region>& regions;        // those before the current one are ready
  const phx_region* region = nullptr;  // the current one

  Place place(const phx_value& value) const;
};

// A step for each instruction of each region, inner regions first, each with a watch where `costs` is not null.
// Throws Failure, which says in which instruction.
void lower_regions(PlanLowering& lowering, Costs* costs,
                   const std::function<StepPointer(const phx_instruction&)>& lower);

// The steps that are the same for every engine. Their regions must have been lowered.
StepPointer lower_call(PlanLowering&, const phx_instruction&);
StepPointer lower_scan(PlanLowering&, const phx_instruction&);

}  // namespace phynexus
