// From a chain to its records: who takes which elements, and the second pass of a long reduction.
#include <algorithm>

#include "../../../engine/failure.h"
#include "../walk_sizes.h"
#include "chain.h"

namespace phynexus::gpu {
namespace {

constexpr int team = 32;  // threads that may share a kept unit; device/elementwise/fused.h
// Reduced units that a thread takes before the reduction is split; the parts' results are not split but in extremes.
constexpr int64_t units_of_thread = 16, results_of_thread = 64;
constexpr int64_t most_parts = 4096;

int log2_below(int64_t n) {  // the largest power of two that is not more
  int log = 0;
  while (n >> (log + 1)) log++;
  return log;
}

int64_t units(const std::vector<Chain::Axis>& axes, bool reduced) {
  int64_t count = 1;
  for (const Chain::Axis& axis : axes)
    if (axis.reduced == reduced) count *= axis.size;
  return count;
}

// All of it from the reduced axes' sizes alone, so that a sum has the same bits however many are made at once.
struct Sharing {
  int lanes_log2 = 0;
  int64_t part_units = 1, parts = 1;
};

Sharing share(int64_t reduced_units, bool run_is_kept, int64_t most) {
  Sharing s;
  s.part_units = reduced_units;
  if (reduced_units <= 1) return s;
  s.lanes_log2 = run_is_kept ? std::min(3, log2_below(std::max<int64_t>(1, reduced_units / 2)))
                             : std::min(5, log2_below(2 * reduced_units - 1));
  const int64_t lanes = int64_t(1) << s.lanes_log2, steps = (reduced_units + lanes - 1) / lanes;
  if (steps <= most) return s;
  const int64_t each = std::max(most, (steps + most_parts - 1) / most_parts);
  s.part_units = each * lanes;
  s.parts = (reduced_units + s.part_units - 1) / s.part_units;
  return s;
}

int32_t partial_storage(int32_t dtype) {  // what partial results of values of this dtype are kept as
  switch (kind_of(dtype)) {
    case kind_float: return PHX_FLOAT32;
    case kind_int: return PHX_INT32;
    case kind_double: return PHX_FLOAT64;
    case kind_long: return PHX_INT64;
    default: return PHX_UINT32;
  }
}

// Sends reduced outputs to the workspace, [kept.., parts], adds an axis for the parts in front, and gives back the chain
// that makes the results of the partial ones.
Chain split(Builder& builder, Chain& chain, int64_t parts) {
  Chain rest;
  int64_t kept = 1;
  for (const Chain::Axis& axis : chain.axes)
    if (!axis.reduced) rest.axes.push_back(axis), kept *= axis.size;
  const size_t kept_axes = rest.axes.size();
  rest.axes.push_back({parts, true});
  const auto partial = [&](int32_t storage) {
    Chain::Operand x;
    const int64_t bytes = item_bytes(storage);
    x.at = builder.workspace(kept * parts * bytes);
    x.storage = storage;
    x.strides.assign(kept_axes + 1, bytes);
    int64_t stride = parts * bytes;
    for (size_t d = kept_axes; d-- > 0;) x.strides[d] = stride, stride *= rest.axes[d].size;
    return x;
  };
  // As an operand of the first pass: the parts' axis first, nothing along the reduced ones.
  const auto as_output = [&](const Chain::Operand& x) {
    Chain::Operand y = x;
    y.strides.assign(chain.axes.size() + 1, 0);
    y.strides[0] = x.strides[kept_axes];
    std::copy(x.strides.begin(), x.strides.begin() + int64_t(kept_axes), y.strides.begin() + 1);
    return y;
  };
  const auto kept_strides = [&](Chain::Operand x) {
    x.strides.resize(kept_axes);
    x.strides.push_back(0);
    return x;
  };
  std::vector<Chain::Output> old = std::move(chain.outputs);
  chain.outputs.clear();
  for (Chain::Operand& x : chain.inputs) x.strides.insert(x.strides.begin(), 0);
  for (Chain::Output& output : old) {
    Chain::Output now = output;
    if (!output.reduction) {
      now.to.strides.insert(now.to.strides.begin(), 0);
      chain.outputs.push_back(now);
      continue;
    }
    const bool argmax = output.reduction == PHX_ARGMAX;
    const Chain::Operand partials = partial(partial_storage(chain.dtype_of(output.value)));
    Chain::Output last;
    last.value = int32_t(rest.inputs.size());
    last.reduction = output.reduction;
    last.to = kept_strides(output.to);
    rest.inputs.push_back(partials);
    if (argmax) {
      const Chain::Operand places = partial(PHX_INT32);
      last.place = int32_t(rest.inputs.size());
      rest.inputs.push_back(places);
      now.keeps_largest = true;
      now.largest = as_output(partials);
      now.to = as_output(places);
    } else {
      now.to = as_output(partials);
    }
    chain.outputs.push_back(now);
    rest.outputs.push_back(last);
  }
  chain.axes.insert(chain.axes.begin(), {parts, false});
  return rest;
}

void add_record(Builder& builder, const Chain& chain, bool run_is_kept, const Sharing& sharing) {
  FusedParams p;
  const int run_elements = chain.is_wide() ? 2 : 4;
  std::vector<Chain::Axis> axes = chain.axes;
  p.axes = int32_t(axes.size());
  p.kept_axes =
      int32_t(std::count_if(axes.begin(), axes.end(), [](const Chain::Axis& a) { return !a.reduced; }));
  p.split = sharing.parts > 1;
  p.run_axis = run_is_kept ? p.kept_axes - 1 : p.axes - 1;
  if (run_is_kept && p.run_axis < p.split) p.run_axis = -1;
  if (p.run_axis >= 0) {
    Chain::Axis& run = axes[size_t(p.run_axis)];
    p.run_size = run.size;
    run.size = (run.size + run_elements - 1) / run_elements;
  }
  p.kept_units = units(axes, false);
  p.reduced_units = units(axes, true);
  if (p.kept_units == 0) return;
  p.part_units = sharing.part_units;
  p.lanes_log2 = sharing.lanes_log2;
  p.lanes_adjacent = !run_is_kept;
  p.large = std::max(p.kept_units, p.reduced_units) >= builder.most_counted();
  require(axes.size() <= size_t(max_walk_axes), "a fused instruction walks too many axes");
  for (size_t d = 0; d < axes.size(); d++) p.sizes[d] = divisor_of(axes[d].size);

  std::vector<Chain::Operand> operands;
  const std::vector<Code> code = write_code(chain, p, run_is_kept, operands);
  std::vector<ChainOperand> placed(operands.size());
  for (size_t k = 0; k < operands.size(); k++) {
    placed[k].at = operands[k].at;
    for (size_t d = 0; d < axes.size(); d++) placed[k].strides[d] = operands[k].strides[d];
    if (p.run_axis >= 0) {
      placed[k].run_stride = placed[k].strides[p.run_axis];
      placed[k].strides[p.run_axis] *= run_elements;
    }
  }
  p.code = builder.add_data(code.data(), int64_t(code.size() * sizeof(Code)));
  p.operands = builder.add_data(placed.data(), int64_t(placed.size() * sizeof(ChainOperand)));
  const int64_t in_tile = builder.threads() / team * (team >> p.lanes_log2);
  const int64_t tiles = (p.kept_units + in_tile - 1) / in_tile;
  builder.add(chain.is_wide() ? handler_fused_wide : handler_fused, tiles, p);
}

void add_split_chain(Builder& builder, Chain chain, int64_t most_units) {
  const bool run_is_kept = order_axes(chain);
  const int run_elements = chain.is_wide() ? 2 : 4;
  int64_t reduced = units(chain.axes, true);
  if (!run_is_kept) {
    const int64_t size = chain.axes.back().size;
    reduced = size ? reduced / size * ((size + run_elements - 1) / run_elements) : 0;
  }
  const Sharing sharing = share(reduced, run_is_kept, most_units);
  if (sharing.parts == 1) return add_record(builder, chain, run_is_kept, sharing);
  Chain rest = split(builder, chain, sharing.parts);
  add_record(builder, chain, run_is_kept, sharing);
  builder.next_phase();
  add_split_chain(builder, std::move(rest), results_of_thread);
}

}  // namespace

bool Chain::is_wide() const {
  const auto wide = [](int32_t dtype) { return dtype == PHX_FLOAT64 || dtype == PHX_INT64; };
  for (const Operand& x : inputs)
    if (wide(x.storage)) return true;
  for (const Operation& x : operations)
    if (wide(x.dtype)) return true;
  return false;
}

Kind kind_of(int32_t dtype) {
  switch (dtype) {
    case PHX_FLOAT32:
    case PHX_FLOAT16:
    case PHX_BFLOAT16: return kind_float;
    case PHX_FLOAT64: return kind_double;
    case PHX_INT32:
    case storage_position: return kind_int;
    case PHX_INT64: return kind_long;
    default: return kind_unsigned;
  }
}

void add_chain(Builder& builder, Chain chain) {
  for (;;) {
    const int32_t fit = operations_that_fit(chain);
    if (fit == int32_t(chain.operations.size())) break;
    Chain rest = cut_chain(builder, chain, fit);
    add_split_chain(builder, std::move(chain), units_of_thread);
    builder.next_phase();
    chain = std::move(rest);
  }
  add_split_chain(builder, std::move(chain), units_of_thread);
}

}  // namespace phynexus::gpu
