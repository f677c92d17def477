// From a PHX_FUSED to its step: the chain is read, cut into blocks, placed; then operations become code or kernels.
#include "lower.h"

#include <alloca.h>

#include <algorithm>

#include "engine/failure.h"
#include "join.h"
#include "kernels.h"

namespace phynexus::fused {
namespace {

// Below this many nanoseconds threads are not worth it; a task for one of them has so many.
constexpr int64_t worth_threads = 300'000, task_cost = 60'000;
constexpr int64_t most_chunks = 32, fewest_cells = 16, fewest_steps = 8, steps_in_chunk = 4;

// A step that is one run of code over one block.
struct CodeStep final : Step {
  std::vector<Place> places;
  CodeFunction code = nullptr;
  int64_t count = 0;

  void run(const Frame& frame) const override {
    const size_t operands = places.size();
    char** slots = static_cast<char**>(alloca((operands + 1) * sizeof(char*)));
    slots[0] = frame.context->worker->registers;
    for (size_t k = 0; k < operands; k++) slots[k + 1] = places[k].at(frame.bases);
    code(slots, count);
  }
};

// Rough nanoseconds of an element, to decide what is worth the threads.
int64_t cost_of(const Chain& chain) {
  int64_t cost = 2;
  for (const Operation& operation : chain.operations) {
    const int32_t opcode = operation.opcode;
    cost += opcode >= PHX_EXP && opcode <= PHX_ERF         ? 8
            : opcode == PHX_POW || opcode == PHX_REMAINDER ? 20
                                                           : 1;
  }
  return cost;
}

// Whether a whole block must be read before an output is written over an input that lies a little beside it.
bool needs_whole_blocks(const Placed& placed, const std::vector<Value>& values, const Chain& chain,
                        const Sharing& sharing) {
  for (size_t k = 0; k < chain.inputs; k++)
    for (size_t j = 0; j < chain.outputs.size(); j++)
      if (placed.direct[j] && values[k].in_place && sharing.shifted(k, j)) return true;
  return false;
}

Call call_code(CodeMemory& memory, const Code& code) {
  const void* at = memory.add(code.bytes);
  if (!at) throw Failure(PHX_OUT_OF_MEMORY, "no memory for the code of a fused instruction");
  return {.code = reinterpret_cast<CodeFunction>(const_cast<void*>(at))};
}

// All of this depends on sizes alone, and so do the results.
void share_work(BlockStep& step, const Blocks& blocks, int64_t cost) {
  const BlockSizes& sizes = step.sizes;
  const int64_t cell_elements = blocks.total / sizes.cells;
  const bool large = blocks.total * cost >= worth_threads;
  step.worth_threads = large && sizes.cells > 1;
  step.cells_in_task = std::max<int64_t>(1, task_cost / std::max<int64_t>(1, cell_elements * cost));
  const bool merges = !step.reductions.empty() &&
                      std::none_of(step.reductions.begin(), step.reductions.end(),
                                   [](const Reduction& reduction) { return reduction.is_argmax(); });
  if (merges && large && sizes.cells < fewest_cells && sizes.steps >= fewest_steps)
    step.chunks = std::min<int64_t>(most_chunks / sizes.cells, sizes.steps / steps_in_chunk);
}

std::unique_ptr<BlockStep> make_step(Lowering& lowering, const Blocks& blocks, Coded coded) {
  const RuntimeKernels& kernels = lowering.kernels;
  Placed& placed = coded.placed;
  auto step = std::make_unique<BlockStep>();
  step->kernels = &kernels;
  step->first_loads = std::move(placed.first_loads);
  step->loads = std::move(placed.loads);
  step->stores = std::move(placed.stores);
  step->loops = blocks.loops;
  step->cell_loops = blocks.cell_loops;
  step->sizes = blocks.sizes;
  step->saved_bytes = placed.saved_bytes;
  for (const PlacedOperation& operation : placed.first_operations)
    step->first_calls.push_back(call_of(kernels, operation));
  step->calls.reserve(coded.pieces.size());
  for (const auto& piece : coded.pieces) {
    if (const Code* code = std::get_if<Code>(&piece)) step->calls.push_back(call_code(*lowering.code, *code));
    else step->calls.push_back(call_of(kernels, placed.operations[std::get<size_t>(piece)]));
  }
  for (PlacedReduction& reduction : placed.reductions)
    step->reductions.push_back(with_kernels(kernels, std::move(reduction)));
  return step;
}

// The step as code alone, where there is nothing else in it.
StepPointer only_code(const BlockStep& step) {
  const bool calls_code = step.calls.size() == 1 && step.calls[0].code;
  if (!calls_code || !step.loops.empty() || !step.loads.empty() || !step.stores.empty()) return nullptr;
  for (const Reduction& reduction : step.reductions)
    if (!reduction.in_code || !reduction.dense) return nullptr;
  auto only = std::make_unique<CodeStep>();
  only->places = step.places;
  only->code = step.calls[0].code;
  only->count = step.sizes.leading * step.sizes.inner;
  return only;
}

}  // namespace
}  // namespace phynexus::fused

namespace phynexus {

StepPointer lower_fused(Lowering& lowering, const phx_instruction& instruction) {
  using namespace fused;
  Chain chain = read_chain(lowering.plan, instruction);
  if (StepPointer step = lower_window(lowering, instruction, chain)) return step;
  if (chain.has_no_elements()) return lower_without_elements(lowering, instruction, chain);
  const Blocks blocks = lay_out(chain, lowering.kernels.block_bytes);
  const Sharing sharing(lowering, instruction);
  const std::vector<Value> values = classify(chain, blocks, sharing);
  chain = join(std::move(chain), values);
  Placed placed = place(chain, blocks, values, sharing);
  const bool writes_code = lowering.code && lowering.extension == x86::Extension::avx512 &&
                           !needs_whole_blocks(placed, values, chain, sharing);
  Coded coded = writes_code ? in_code(placed, values, blocks) : in_kernels(std::move(placed));

  lowering.register_bytes = std::max(lowering.register_bytes, coded.placed.file.bytes());
  std::unique_ptr<BlockStep> step = make_step(lowering, blocks, std::move(coded));
  for (size_t k = 0; k < chain.operands(); k++)
    step->places.push_back(lowering.place(*lowering.plan.operand(instruction, int64_t(k))));
  share_work(*step, blocks, cost_of(chain));
  if (StepPointer code = only_code(*step)) return code;
  return step;
}

}  // namespace phynexus
