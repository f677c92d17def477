// Cuts a chain that has more values at a time than there are places for them.
#include <algorithm>

#include "chain.h"

namespace phynexus::gpu {
namespace {

// Whether an output may lie where an input does, which the rest may still read.
bool may_overwrite(const Chain& chain, const Chain::Output& output) {
  return std::any_of(chain.inputs.begin(), chain.inputs.end(), [&](const Chain::Operand& input) {
    return input.value && output.to.value && may_share_memory(*input.value, *output.to.value, false);
  });
}

Chain::Operand dense_operand(Builder& builder, const Chain& chain, int32_t dtype) {
  Chain::Operand x;
  x.storage = dtype;
  x.strides.assign(chain.axes.size(), 0);
  int64_t bytes = item_bytes(dtype);
  for (size_t d = chain.axes.size(); d-- > 0;) x.strides[d] = bytes, bytes *= chain.axes[d].size;
  x.at = builder.workspace(bytes);
  return x;
}

}  // namespace

Chain cut_chain(Builder& builder, Chain& chain, int32_t operations) {
  const int32_t inputs = int32_t(chain.inputs.size()), cut = inputs + operations;
  std::vector<Chain::Output> first, last;
  for (const Chain::Output& output : chain.outputs) {
    const bool now =
        output.value < cut && output.value >= inputs && (output.reduction || !may_overwrite(chain, output));
    (now ? first : last).push_back(output);
  }
  std::vector<bool> passes(size_t(cut), false);
  const auto needs = [&](int32_t v) {
    if (v >= inputs && v < cut) passes[size_t(v)] = true;
  };
  for (size_t i = size_t(operations); i < chain.operations.size(); i++)
    for (const int32_t v : {chain.operations[i].a, chain.operations[i].b, chain.operations[i].c}) needs(v);
  for (const Chain::Output& output : last) needs(output.value);

  Chain rest;
  rest.axes = chain.axes;
  rest.inputs = chain.inputs;
  std::vector<int32_t> number(size_t(cut), -1);  // of values in the rest
  for (int32_t v = 0; v < cut; v++) {
    if (v < inputs) number[size_t(v)] = v;
    else if (passes[size_t(v)]) {
      const Chain::Operand kept = dense_operand(builder, chain, chain.dtype_of(v));
      Chain::Output output;
      output.value = v;
      output.to = kept;
      first.push_back(output);
      number[size_t(v)] = int32_t(rest.inputs.size());
      rest.inputs.push_back(kept);
    }
  }
  const int32_t moved = int32_t(rest.inputs.size()) - cut;
  const auto in_rest = [&](int32_t v) { return v < 0 ? v : v < cut ? number[size_t(v)] : v + moved; };
  for (size_t i = size_t(operations); i < chain.operations.size(); i++) {
    Chain::Operation x = chain.operations[i];
    x.a = in_rest(x.a), x.b = in_rest(x.b), x.c = in_rest(x.c);
    rest.operations.push_back(x);
  }
  for (Chain::Output& output : last) {
    output.value = in_rest(output.value);
    output.place = in_rest(output.place);
  }
  rest.outputs = std::move(last);
  chain.outputs = std::move(first);
  chain.operations.resize(size_t(operations));
  return rest;
}

}  // namespace phynexus::gpu
