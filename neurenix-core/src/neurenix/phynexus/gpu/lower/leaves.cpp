// What leaves read and write, and the strides and bytes of a map's operands.
#include "leaves.h"

#include <algorithm>

#include "../../engine/plan/instructions.h"

namespace phynexus::gpu {
namespace {

Access access(Pointer base, Extent extent, bool writes, bool whole = false) {
  return {base.base, base.offset + extent.low, base.offset + extent.high,
          writes,    writes && whole,          base.offset};
}

// Whether its elements leave no gap, in any order of the axes.
bool has_no_gaps(const phx_value& value) {
  std::vector<std::pair<int64_t, int64_t>> axes;  // stride, size
  for (int d = 0; d < value.rank; d++)
    if (value.shape[d] != 1) axes.push_back({std::abs(value.strides[d]), value.shape[d]});
  std::sort(axes.begin(), axes.end());
  int64_t next = 1;
  for (const auto& [stride, size] : axes) {
    if (stride != next) return false;
    next *= size;
  }
  return true;
}

// The bytes of a view, counted from its element [0, ..., 0].
Extent own_extent(const phx_value& value) {
  Extent extent = extent_of(value);
  if (!extent.empty()) extent.low -= value.offset, extent.high -= value.offset;
  return extent;
}

void add_map_accesses(const Plan& plan, const Leaf& leaf, std::vector<Access>& out) {
  const phx_instruction& x = plan.instructions[size_t(leaf.index)];
  const Map p = read_params<Map>(plan, x);
  const Needs& needs = plan.needs[size_t(x.region)];
  for (int32_t k = 0; k < x.inputs + x.outputs; k++) {
    const phx_value* value = plan.operand(x, k);
    const bool writes = k >= x.inputs;
    if (!value) continue;
    if (writes && p.summed[size_t(k - x.inputs)]) {
      out.push_back(access(leaf.environment->place(*value), own_extent(*value), true, has_no_gaps(*value)));
      continue;
    }
    const Extent need = writes ? needs.outputs[size_t(k - x.inputs)] : needs.inputs[size_t(k)];
    if (need.empty() || p.iterations == 0) continue;
    const int64_t last = (p.iterations - 1) * map_stride(*value, writes || p.mapped[size_t(k)]);
    Extent all = need;
    all.low += std::min<int64_t>(last, 0);
    all.high += std::max<int64_t>(last, 0);
    out.push_back(access(leaf.environment->place(*value), all, writes));
  }
}

}  // namespace

int64_t map_stride(const phx_value& value, bool moves) {
  return moves ? value.strides[0] * item_bytes(value.dtype) : 0;
}

TermBytes term_bytes(const phx_value& value) {
  const Extent extent = own_extent(value);
  return extent.empty() ? TermBytes{} : TermBytes{extent.low, round_up(extent.high - extent.low)};
}

std::vector<Access> accesses_of(const Plan& plan, const Leaf& leaf) {
  std::vector<Access> out;
  if (leaf.kind == Leaf::loop_begin || leaf.ends_loop()) return out;
  if (leaf.kind == Leaf::move)
    return {access(leaf.from, {0, leaf.bytes}, false), access(leaf.to, {0, leaf.bytes}, true, true)};
  const phx_instruction& x = plan.instructions[size_t(leaf.index)];
  if (leaf.kind == Leaf::sum) {
    const phx_value& value = plan.output(x, leaf.output);
    const int64_t low = term_bytes(value).low;
    return {access(leaf.from, {low, low + leaf.bytes * leaf.terms}, true),  // sums on the way lie there too
            access(leaf.environment->place(value), own_extent(value), true, has_no_gaps(value))};
  }
  if (x.opcode == PHX_MAP) {
    add_map_accesses(plan, leaf, out);
    return out;
  }
  for (int32_t k = 0; k < x.inputs + x.outputs; k++)
    if (const phx_value* value = plan.operand(x, k))
      out.push_back(
          access(leaf.environment->place(*value), own_extent(*value), k >= x.inputs, has_no_gaps(*value)));
  return out;
}

}  // namespace phynexus::gpu
