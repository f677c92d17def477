// Reads the parameters of a PHX_FUSED, and who reads what in it.
#include "chain.h"

#include <algorithm>

#include "engine/plan/instructions.h"

namespace phynexus::fused {
namespace {

Operation operation_of(const Fused::Op& op, const std::vector<int32_t>& dtypes) {
  Operation operation;
  operation.opcode = int32_t(op.opcode);
  operation.dtype = int32_t(op.dtype);
  const int64_t arguments[] = {op.a, op.b, op.c};
  for (int k = 0; k < arity(op.opcode); k++) operation.arguments[k] = int32_t(arguments[k]);
  operation.immediate = op.immediate;
  operation.from = dtypes[size_t(operation.arguments[operation.opcode == PHX_WHERE ? 1 : 0])];
  return operation;
}

// Operands in the order of their say in the order of axes: see sort_axes.
void add_strides(Chain& chain, const Plan& plan, const phx_instruction& instruction) {
  for (size_t d = 0; d < chain.axes.size(); d++) {
    Axis& axis = chain.axes[d];
    axis.strides.reserve(chain.operands() + 1);
    for (size_t k = 0; k < chain.operands(); k++) {
      const phx_value& operand = *plan.operand(instruction, int64_t(k));
      const bool lacks = k >= chain.inputs && axis.reduced && chain.outputs[k - chain.inputs].reduction;
      axis.strides.push_back(lacks ? 0 : operand.strides[d] * item_bytes(operand.dtype));
    }
  }
  int64_t position = 1;
  for (size_t d = chain.axes.size(); d-- > 0;) {
    Axis& axis = chain.axes[d];
    axis.strides.push_back(axis.reduced ? position : 0);
    if (axis.reduced) position *= axis.size;
  }
}

}  // namespace

Chain read_chain(const Plan& plan, const phx_instruction& instruction) {
  const Fused params = read_params<Fused>(plan, instruction);
  Chain chain;
  chain.inputs = size_t(instruction.inputs);
  chain.dtypes.reserve(chain.inputs + params.ops.size());
  chain.operations.reserve(params.ops.size());
  chain.outputs.reserve(params.ends.size());
  chain.axes.reserve(params.shape.size());
  for (int64_t k = 0; k < instruction.inputs; k++) chain.dtypes.push_back(plan.input(instruction, k).dtype);
  for (const int64_t size : params.shape) chain.axes.push_back({.size = size, .strides = {}});
  for (const Fused::Op& op : params.ops) {
    chain.operations.push_back(operation_of(op, chain.dtypes));
    chain.dtypes.push_back(chain.operations.back().dtype);
  }
  for (const Fused::End& end : params.ends)
    chain.outputs.push_back({.value = int32_t(end.value), .reduction = int32_t(end.reduction)});
  for (size_t d = 0; d < chain.axes.size(); d++)
    chain.axes[d].reduced = chain.reduces() && (params.reduced >> d & 1);
  add_strides(chain, plan, instruction);
  return chain;
}

bool Chain::reduces() const {
  return std::any_of(outputs.begin(), outputs.end(), [](const Output& o) { return o.reduction != 0; });
}

bool Chain::has_no_elements() const {
  return std::any_of(axes.begin(), axes.end(), [](const Axis& axis) { return axis.size == 0; });
}

int64_t Chain::largest_item() const {
  int64_t largest = 1;
  for (const int32_t dtype : dtypes) largest = std::max<int64_t>(largest, item_bytes(dtype));
  return largest;
}

Readers readers_of(const Chain& chain) {
  Readers readers{.count = std::vector<int32_t>(chain.dtypes.size(), 0),
                  .last = std::vector<int32_t>(chain.dtypes.size(), -1)};
  const auto read = [&](int32_t value, int32_t reader) {
    if (value < 0) return;
    readers.count[size_t(value)]++;
    readers.last[size_t(value)] = reader;
  };
  for (size_t i = 0; i < chain.operations.size(); i++)
    if (!chain.operations[i].joined)
      for (const int32_t argument : chain.operations[i].arguments) read(argument, int32_t(i));
  for (const Output& output : chain.outputs) read(output.value, Readers::at_the_end);
  return readers;
}

}  // namespace phynexus::fused
