// PHX_CALL: a region in a frame of its own.
#include <alloca.h>

#include "../plan/instructions.h"
#include "lowering.h"

namespace phynexus {
namespace {

struct CallStep final : Step {
  const Region* region = nullptr;
  int64_t scratch = 0;
  std::vector<Place> operands;

  void run(const Frame& frame) const override {
    const size_t count = operands.size();
    char** bases = static_cast<char**>(alloca((count + base_first_input) * sizeof(char*)));
    bases[base_scratch] = frame.bases[base_scratch] + scratch;
    bases[base_constants] = frame.bases[base_constants];
    for (size_t k = 0; k < count; k++) bases[base_first_input + k] = operands[k].at(frame.bases);
    region->run({bases, frame.workspace, frame.context});
  }
  int64_t workspace_bytes(int threads) const override { return region->workspace_bytes(threads); }
  int64_t worker_bytes(int threads) const override { return region->worker_bytes(threads); }
};

}  // namespace

StepPointer lower_call(PlanLowering& lowering, const phx_instruction& instruction) {
  auto step = std::make_unique<CallStep>();
  step->region = &lowering.regions[size_t(instruction.region)];
  step->scratch = read_params<Call>(lowering.plan, instruction).scratch;
  for (int k = 0; k < instruction.inputs + instruction.outputs; k++)
    step->operands.push_back(lowering.place(*lowering.plan.operand(instruction, k)));
  return step;
}

}  // namespace phynexus
