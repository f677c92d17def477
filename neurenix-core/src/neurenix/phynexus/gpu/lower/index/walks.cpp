// Orders, merges and writes down walks.
#include "walks.h"

#include <algorithm>

#include "../walk_sizes.h"

namespace phynexus::gpu {
namespace {

Chain chain_of(const std::vector<int64_t>& sizes, std::vector<Chain::Operand> operands) {
  Chain chain;
  for (const int64_t size : sizes) chain.axes.push_back({size, false});
  chain.inputs = std::move(operands);
  return chain;
}

Walked walked_of(Chain chain) {
  Walked walked;
  for (const Chain::Axis& axis : chain.axes) walked.sizes.push_back(axis.size);
  walked.operands = std::move(chain.inputs);
  return walked;
}

}  // namespace

Chain::Operand walked_operand(const Builder& builder, const phx_value& value, const std::vector<int>& axes) {
  Chain::Operand x;
  x.at = builder.place(value);
  x.storage = value.dtype;
  for (const int axis : axes)
    x.strides.push_back(axis < 0 ? 0 : value.strides[axis] * item_bytes(value.dtype));
  return x;
}

Walked ordered(const std::vector<int64_t>& sizes, std::vector<Chain::Operand> operands) {
  Chain chain = chain_of(sizes, std::move(operands));
  order_axes(chain);
  return walked_of(std::move(chain));
}

Walked merged(const std::vector<int64_t>& sizes, std::vector<Chain::Operand> operands) {
  Chain chain = chain_of(sizes, std::move(operands));
  merge_axes(chain);
  return walked_of(std::move(chain));
}

int64_t count_of(const std::vector<int64_t>& sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return count;
}

UnitWalk unit_walk(const Builder& builder, const Walked& walked, bool runs,
                   const std::vector<ChainOperand*>& operands) {
  UnitWalk walk;
  std::vector<int64_t> sizes = walked.sizes;
  walk.axes = int32_t(sizes.size());
  const int last = walk.axes - 1;
  if (runs && last >= 0) {
    walk.run_axis = last;
    walk.run_size = sizes[size_t(last)];
    sizes[size_t(last)] = (walk.run_size + run_of_index - 1) / run_of_index;
  }
  walk.units = count_of(sizes);
  walk.large = walk.units >= builder.most_counted();
  for (size_t d = 0; d < sizes.size(); d++) walk.sizes[d] = divisor_of(sizes[d]);
  for (size_t k = 0; k < operands.size(); k++) {
    ChainOperand& x = *operands[k];
    x.at = walked.operands[k].at;
    std::copy(walked.operands[k].strides.begin(), walked.operands[k].strides.end(), x.strides);
    if (walk.run_axis < 0) continue;
    x.run_stride = x.strides[last];
    x.strides[last] *= run_of_index;
  }
  return walk;
}

Along along_of(const Builder& builder, const Walked& walked, const std::vector<int64_t*>& strides) {
  Along along;
  along.count = count_of(walked.sizes);
  along.axes = int32_t(walked.sizes.size());
  along.large = along.count >= builder.most_counted();
  for (size_t d = 0; d < walked.sizes.size(); d++) along.sizes[d] = divisor_of(walked.sizes[d]);
  for (size_t k = 0; k < strides.size(); k++)
    std::copy(walked.operands[k].strides.begin(), walked.operands[k].strides.end(), strides[k]);
  return along;
}

}  // namespace phynexus::gpu
