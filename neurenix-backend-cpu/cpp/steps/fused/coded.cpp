// Which operations become code, element after element; and the registers that are left over then.
#include "coded.h"

#include "unused.h"

namespace phynexus::fused {
namespace {

struct CodedRun {
  Code code;
  size_t end;
};

// As long a run from `begin` as the processor's registers allow.
std::optional<CodedRun> longest_run(const std::vector<PlacedOperation>& operations, const Dataflow& flow,
                                    size_t begin, x86::Extension extension) {
  const size_t most = end_of_stage(operations, flow, begin);
  size_t end = begin;
  while (end < most && can_write(operations[end], extension)) end++;
  for (; end > begin; end--)
    if (std::optional<Code> code = write_elements(
            {.extension = extension, .operations = operations, .flow = flow, .begin = begin, .end = end}))
      return CodedRun{.code = std::move(*code), .end = end};
  return {};
}

}  // namespace

Coded in_kernels(Placed placed) {
  Coded coded{.placed = std::move(placed), .pieces = {}};
  coded.pieces.reserve(coded.placed.operations.size());
  for (size_t i = 0; i < coded.placed.operations.size(); i++) coded.pieces.push_back(i);
  return coded;
}

Coded in_code(const Placed& placed, const std::vector<Value>& values, const Blocks& blocks,
              x86::Extension extension) {
  if (std::optional<Coded> by_rows = code_by_rows(placed, values, blocks, extension))
    return std::move(*by_rows);
  return code_by_elements(placed, blocks, extension);
}

std::vector<Location> read_after(const Placed& placed) {
  std::vector<Location> read;
  for (const PlacedReduction& reduction : placed.reductions)
    if (!reduction.in_code) read.push_back(reduction.values);
  for (const PlacedTile& store : placed.stores) read.push_back(store.dense);
  return read;
}

Parted part(const std::vector<PlacedOperation>& operations) {
  Parted parted;
  for (const PlacedOperation& operation : operations)
    (operation.single ? parted.single : parted.rest).push_back(operation);
  return parted;
}

Coded code_by_elements(const Placed& placed, const Blocks& blocks, x86::Extension extension) {
  const Parted parted = part(placed.operations);
  const Dataflow flow(parted.rest, read_after(placed));
  Placed left = placed;
  left.operations = parted.single;
  Coded coded = in_kernels(std::move(left));
  for (size_t i = 0; i < parted.rest.size();) {
    if (std::optional<CodedRun> run = longest_run(parted.rest, flow, i, extension)) {
      coded.pieces.push_back(std::move(run->code));
      i = run->end;
    } else {
      coded.pieces.push_back(coded.placed.operations.size());
      coded.placed.operations.push_back(parted.rest[i++]);
    }
  }
  return compact(std::move(coded), blocks);
}

Coded compact(Coded coded, const Blocks& blocks) {
  std::set<int32_t> used = used_registers(coded.placed, blocks);
  for (const auto& piece : coded.pieces)
    if (const Code* code = std::get_if<Code>(&piece))
      for (const x86::PartUse& use : code->registers) used.insert(use.part);
  auto [placed, moved] = without_unused(std::move(coded.placed), used);
  coded.placed = std::move(placed);
  for (auto& piece : coded.pieces)
    if (Code* code = std::get_if<Code>(&piece)) code->move_registers(moved);
  return coded;
}

}  // namespace phynexus::fused
