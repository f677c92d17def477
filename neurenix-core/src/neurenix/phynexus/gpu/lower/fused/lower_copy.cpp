// Copies: chains without operations, or transposed by tiles.
#include <algorithm>

#include "../walk_sizes.h"
#include "operands.h"

namespace phynexus::gpu {
namespace {

constexpr int64_t fewest_elements = 4096, shortest_side = 8;

// The axis along which an operand lies together, or -1.
int contiguous_axis(const Chain& chain, const Chain::Operand& operand, int64_t bytes) {
  for (size_t d = 0; d < chain.axes.size(); d++)
    if (operand.strides[d] == bytes && chain.axes[d].size >= shortest_side) return int(d);
  return -1;
}

bool add_transpose(Builder& builder, Chain chain, int64_t bytes) {
  order_axes(chain);
  const Chain::Operand &in = chain.inputs[0], &out = chain.outputs[0].to;
  int64_t count = 1;
  for (const Chain::Axis& axis : chain.axes) count *= axis.size;
  const int of_in = contiguous_axis(chain, in, bytes), of_out = contiguous_axis(chain, out, bytes);
  if (count < fewest_elements || of_in < 0 || of_out < 0 || of_in == of_out) return false;
  if (in.strides[size_t(of_out)] == 0) return false;
  TransposeParams p;
  p.in_size = chain.axes[size_t(of_in)].size;
  p.out_size = chain.axes[size_t(of_out)].size;
  p.in_far = in.strides[size_t(of_out)];
  p.out_far = out.strides[size_t(of_in)];
  p.item_bytes = int32_t(bytes);
  p.in.at = in.at;
  p.out.at = out.at;
  int64_t tiles = 1;
  for (size_t d = 0; d < chain.axes.size(); d++) {
    if (int(d) == of_in || int(d) == of_out) continue;
    p.in.strides[p.axes] = in.strides[d];
    p.out.strides[p.axes] = out.strides[d];
    p.sizes[p.axes++] = divisor_of(chain.axes[d].size);
    tiles *= chain.axes[d].size;
  }
  int32_t axis = p.axes;
  for (const int64_t side : {p.in_size, p.out_size}) {
    const int64_t along = (side + transpose_side - 1) / transpose_side;
    p.sizes[axis++] = divisor_of(along);
    tiles *= along;
  }
  p.large = tiles >= builder.most_counted();
  builder.add(handler_transpose, tiles, p);
  return true;
}

}  // namespace

void lower_copy(Builder& builder, const phx_instruction& instruction) {
  const phx_value &in = builder.plan.input(instruction, 0), &out = builder.plan.output(instruction, 0);
  const int64_t bytes = item_bytes(out.dtype);
  Chain chain;
  chain.axes = axes_of(out);
  chain.inputs.push_back(operand_of(builder, in));
  chain.outputs.push_back(stored(0, operand_of(builder, out)));
  if (bytes == 2) chain.inputs[0].storage = chain.outputs[0].to.storage = storage_16;
  if (!add_transpose(builder, chain, bytes)) add_chain(builder, std::move(chain));
}

}  // namespace phynexus::gpu
