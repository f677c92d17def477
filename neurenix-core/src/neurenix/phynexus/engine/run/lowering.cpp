// Goes through a plan's regions, and adds up what the steps of a region ask for.
#include "lowering.h"

#include <algorithm>

#include "../plan/in_instruction.h"

namespace phynexus {

int64_t Region::workspace_bytes(int threads) const {
  int64_t bytes = 0;
  for (const StepPointer& step : steps) bytes = std::max(bytes, step->workspace_bytes(threads));
  return round_up(bytes);
}

int64_t Region::worker_bytes(int threads) const {
  int64_t bytes = 0;
  for (const StepPointer& step : steps) bytes = std::max(bytes, step->worker_bytes(threads));
  return round_up(bytes);
}

Place PlanLowering::place(const phx_value& value) const {
  switch (value.space) {
    case PHX_INPUT: return {base_first_input + value.index, value.offset};
    case PHX_OUTPUT: return {base_first_input + region->inputs + value.index, value.offset};
    case PHX_CONSTANTS: return {base_constants, value.offset};
    default: return {base_scratch, value.offset};
  }
}

void lower_regions(PlanLowering& lowering, Costs* costs,
                   const std::function<StepPointer(const phx_instruction&)>& lower) {
  const Plan& plan = lowering.plan;
  lowering.regions.resize(plan.regions.size());
  for (size_t r = 0; r < plan.regions.size(); r++) {
    const phx_region& region = plan.regions[r];
    Region& lowered = lowering.regions[r];
    lowering.region = &region;
    lowered.inputs = region.inputs;
    lowered.outputs = region.outputs;
    lowered.scratch_bytes = region.scratch_bytes;
    for (int32_t i = 0; i < region.instructions; i++) {
      const int32_t index = region.first_instruction + i;
      in_instruction(plan, index, [&](const phx_instruction& instruction) {
        StepPointer step = lower(instruction);
        if (costs) step = std::make_unique<TimedStep>(std::move(step), *costs, size_t(index));
        lowered.steps.push_back(std::move(step));
      });
    }
  }
}

}  // namespace phynexus
