// Reads the parameters of a PHX_FUSED, and who reads what in it.
#include "chain.h"

#include <algorithm>

namespace phynexus::fused {
namespace {

int arity_of(int32_t opcode) { return opcode == PHX_WHERE ? 3 : opcode >= PHX_ADD ? 2 : 1; }

// The parameters one after the other, as phynexus.h states them.
struct Parameters {
  const int64_t* next;
  int64_t take() { return *next++; }
};

Operation read_operation(Parameters& parameters, const std::vector<int32_t>& dtypes) {
  Operation operation;
  operation.opcode = int32_t(parameters.take());
  operation.dtype = int32_t(parameters.take());
  const int arity = arity_of(operation.opcode);
  for (int k = 0; k < 3; k++) {
    const int32_t value = int32_t(parameters.take());
    if (k < arity) operation.arguments[k] = value;
  }
  operation.immediate = parameters.take();
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
  Parameters parameters{plan.params_of(instruction)};
  const int64_t operations = parameters.take(), outputs = parameters.take(), reduced = parameters.take(),
                rank = parameters.take();
  Chain chain;
  chain.inputs = size_t(instruction.inputs);
  chain.dtypes.reserve(chain.inputs + size_t(operations));
  chain.operations.reserve(size_t(operations));
  chain.outputs.reserve(size_t(outputs));
  chain.axes.reserve(size_t(rank));
  for (int64_t k = 0; k < instruction.inputs; k++) chain.dtypes.push_back(plan.input(instruction, k).dtype);
  for (int64_t d = 0; d < rank; d++) chain.axes.push_back({.size = parameters.take(), .strides = {}});
  for (int64_t i = 0; i < operations; i++) {
    chain.operations.push_back(read_operation(parameters, chain.dtypes));
    chain.dtypes.push_back(chain.operations.back().dtype);
  }
  for (int64_t k = 0; k < outputs; k++) {
    const int32_t value = int32_t(parameters.take());
    chain.outputs.push_back({.value = value, .reduction = int32_t(parameters.take())});
  }
  for (int64_t d = 0; d < rank; d++) chain.axes[size_t(d)].reduced = chain.reduces() && (reduced >> d & 1);
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
