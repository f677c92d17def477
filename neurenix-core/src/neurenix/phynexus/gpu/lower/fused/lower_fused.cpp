// Makes chains of PHX_FUSED, PHX_IOTA and PHX_ARGMAX.
#include <algorithm>

#include "../../../engine/failure.h"
#include "operands.h"

namespace phynexus::gpu {
namespace {

// Positions in row-major order of the axes that count.
template <class Counts>
Chain::Operand position_of(const std::vector<Chain::Axis>& axes, const Counts& counts) {
  Chain::Operand x;
  x.storage = storage_position;
  x.strides.assign(axes.size(), 0);
  int64_t stride = 1;
  for (size_t d = axes.size(); d-- > 0;)
    if (counts(d)) x.strides[d] = stride, stride *= axes[d].size;
  if (stride - 1 > INT32_MAX)
    lack(format("argmax or iota over %lld elements: their numbers are int32", (long long)stride));
  return x;
}

int32_t position_input(Chain& chain) {
  chain.inputs.push_back(position_of(chain.axes, [&](size_t d) { return chain.axes[d].reduced; }));
  return int32_t(chain.inputs.size()) - 1;
}

}  // namespace

void lower_fused(Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const Fused p = read_params<Fused>(plan, instruction);
  const bool reduces =
      std::any_of(p.ends.begin(), p.ends.end(), [](const Fused::End& e) { return e.reduction != 0; });
  const bool places = std::any_of(p.ends.begin(), p.ends.end(),
                                  [](const Fused::End& e) { return e.reduction == PHX_ARGMAX; });
  Chain chain;
  for (size_t d = 0; d < p.shape.size(); d++)
    chain.axes.push_back({p.shape[d], reduces && (p.reduced >> d & 1)});
  const int32_t inputs = instruction.inputs;
  for (int32_t k = 0; k < inputs; k++)
    chain.inputs.push_back(operand_of(builder, plan.input(instruction, k)));
  const int32_t place = places ? position_input(chain) : -1;
  // The position is an input too, behind the others.
  const auto value = [&](int64_t v) { return int32_t(v) + (places && v >= inputs); };
  for (const Fused::Op& op : p.ops)
    chain.operations.push_back({int32_t(op.opcode), int32_t(op.dtype), value(op.a),
                                op.b < 0 ? -1 : value(op.b), op.c < 0 ? -1 : value(op.c), op.immediate});
  for (size_t k = 0; k < p.ends.size(); k++) {
    Chain::Output output;
    output.value = value(p.ends[k].value);
    output.reduction = int32_t(p.ends[k].reduction);
    if (output.reduction == PHX_ARGMAX) output.place = place;
    output.to = operand_of(builder, plan.output(instruction, int64_t(k)));
    for (size_t d = 0; d < chain.axes.size(); d++)
      if (output.reduction && chain.axes[d].reduced) output.to.strides[d] = 0;
    chain.outputs.push_back(output);
  }
  add_chain(builder, std::move(chain));
}

void lower_argmax(Builder& builder, const phx_instruction& instruction) {
  const phx_value &in = builder.plan.input(instruction, 0), &out = builder.plan.output(instruction, 0);
  Chain chain;
  chain.axes = axes_of(in);
  for (size_t d = size_t(out.rank); d < chain.axes.size(); d++) chain.axes[d].reduced = true;
  chain.inputs.push_back(operand_of(builder, in));
  const int32_t place = position_input(chain);
  Chain::Output output;
  output.reduction = PHX_ARGMAX;
  output.place = place;
  output.to = operand_of(builder, out);
  output.to.strides.resize(chain.axes.size(), 0);
  chain.outputs.push_back(output);
  add_chain(builder, std::move(chain));
}

void lower_iota(Builder& builder, const phx_instruction& instruction) {
  const phx_value& out = builder.plan.output(instruction, 0);
  if (out.dtype == PHX_BOOL) lack("iota of bool");
  const size_t axis = size_t(read_params<Iota>(builder.plan, instruction).axis);
  Chain chain;
  chain.axes = axes_of(out);
  chain.inputs.push_back(position_of(chain.axes, [&](size_t d) { return d == axis; }));
  chain.operations.push_back({.opcode = PHX_CAST, .dtype = out.dtype, .a = 0});
  chain.outputs.push_back(stored(1, operand_of(builder, out)));
  add_chain(builder, std::move(chain));
}

}  // namespace phynexus::gpu
