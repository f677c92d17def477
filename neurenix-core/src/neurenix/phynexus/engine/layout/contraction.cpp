// Merges the axes of each kind, gives the largest to the matrix product, and leaves the others to loops.
#include "contraction.h"

#include <algorithm>
#include <optional>

namespace phynexus {
namespace {

// Some neighbouring axes of an operand; `value` is null where it has none of this kind.
struct AxisRange {
  const phx_value* value = nullptr;
  int first = 0;
  int64_t stride(int d) const { return value ? value->strides[first + d] : 0; }
};

// Axes of one kind, merged, their strides in the order of ContractionOperand.
std::vector<Axis> merged_axes(AxisRange out, AxisRange lhs, AxisRange rhs, int64_t count) {
  const AxisRange& any = out.value ? out : lhs;
  std::vector<Axis> axes;
  for (int d = 0; d < int(count); d++)
    axes.push_back({any.value->shape[any.first + d], false, {out.stride(d), lhs.stride(d), rhs.stride(d)}});
  sort_axes(axes);
  merge_axes(axes);
  return axes;
}

// Takes the largest axis out of the list; an axis of one element where there is none.
Axis take_largest(std::vector<Axis>& axes) {
  if (axes.empty()) return {1, false, {0, 0, 0}};
  const auto largest = std::max_element(axes.begin(), axes.end(),
                                        [](const Axis& a, const Axis& b) { return a.size < b.size; });
  Axis axis = *largest;
  axes.erase(largest);
  return axis;
}

// The arrangement for these operands as they lie; none where the terms of a sum do not lie along one axis.
std::optional<Arrangement> arranged(const phx_value& lhs, const phx_value& rhs, const phx_value& out,
                                    const Dot& axes) {
  const int b = int(axes.batch), m = int(axes.m), n = int(axes.n), k = int(axes.k);
  std::vector<Axis> batch_axes = merged_axes({&out, 0}, {&lhs, 0}, {&rhs, 0}, b);
  std::vector<Axis> m_axes = merged_axes({&out, b}, {&lhs, b}, {}, m);
  std::vector<Axis> n_axes = merged_axes({&out, b + m}, {}, {&rhs, b + k}, n);
  std::vector<Axis> k_axes = merged_axes({}, {&lhs, b + m}, {&rhs, b}, k);
  if (k_axes.size() > 1) return std::nullopt;
  const Axis batch = take_largest(batch_axes), rows = take_largest(m_axes), columns = take_largest(n_axes),
             inner = take_largest(k_axes);
  Arrangement way;
  way.product = {.batch = batch.size,
                 .m = rows.size,
                 .n = columns.size,
                 .k = inner.size,
                 .lhs_batch = batch.strides[of_lhs],
                 .lhs_m = rows.strides[of_lhs],
                 .lhs_k = inner.strides[of_lhs],
                 .rhs_batch = batch.strides[of_rhs],
                 .rhs_k = inner.strides[of_rhs],
                 .rhs_n = columns.strides[of_rhs],
                 .out_batch = batch.strides[of_out],
                 .out_m = rows.strides[of_out],
                 .out_n = columns.strides[of_out]};
  for (const std::vector<Axis>* kind : {&batch_axes, &m_axes, &n_axes})
    way.outer.insert(way.outer.end(), kind->begin(), kind->end());
  return way;
}

// The cost of an arrangement, in elements moved; a product costs 200 to begin.
double cost_of(const Arrangement& way, const phx_value& lhs, const phx_value& rhs) {
  double products = 1;
  for (const Axis& axis : way.outer) products *= double(axis.size);
  return products * 200 + (way.copy_lhs ? double(element_count(lhs)) : 0) +
         (way.copy_rhs ? double(element_count(rhs)) : 0);
}

}  // namespace

phx_value dense_copy(const phx_value& value) {
  phx_value dense = value;
  int64_t stride = 1;
  for (int d = value.rank - 1; d >= 0; d--) {
    dense.strides[d] = stride;
    stride *= value.shape[d];
  }
  return dense;
}

Arrangement arrange_dot(const phx_value& lhs, const phx_value& rhs, const phx_value& out, const Dot& axes) {
  std::optional<Arrangement> best;
  for (const bool copy_rhs : {false, true})
    for (const bool copy_lhs : {false, true}) {
      std::optional<Arrangement> way =
          arranged(copy_lhs ? dense_copy(lhs) : lhs, copy_rhs ? dense_copy(rhs) : rhs, out, axes);
      if (!way) continue;
      way->copy_lhs = copy_lhs;
      way->copy_rhs = copy_rhs;
      if (!best || cost_of(*way, lhs, rhs) < cost_of(*best, lhs, rhs)) best = std::move(way);
    }
  return std::move(*best);  // with both copied, the terms always lie along one axis
}

ConvolutionLayout convolution_layout(const Plan& plan, const phx_instruction& instruction) {
  const Convolution p = read_params<Convolution>(plan, instruction);
  const int b = int(p.batch);
  const phx_value &first = plan.input(instruction, 0), &second = plan.input(instruction, 1),
                  &result = plan.output(instruction, 0);
  const bool of_input = instruction.opcode == PHX_CONV_INPUT_GRADIENT,
             of_weight = instruction.opcode == PHX_CONV_WEIGHT_GRADIENT;
  const phx_value& image = of_input ? result : first;
  const phx_value& weight = of_weight ? result : second;
  const phx_value& out = of_input ? first : of_weight ? second : result;
  ConvolutionLayout layout = {.images = image.shape[b],
                              .in_channels = image.shape[b + 1],
                              .in_h = image.shape[b + 2],
                              .in_w = image.shape[b + 3],
                              .out_channels = out.shape[b + 1],
                              .kernel_h = weight.shape[b + 2],
                              .kernel_w = weight.shape[b + 3],
                              .out_h = out.shape[b + 2],
                              .out_w = out.shape[b + 3],
                              .stride_h = p.stride[0],
                              .stride_w = p.stride[1],
                              .pad_h = p.padding[0][0],
                              .pad_w = p.padding[1][0],
                              .dilation_h = p.dilation[0],
                              .dilation_w = p.dilation[1],
                              .x = {},
                              .weight = {},
                              .out = {}};
  std::copy_n(image.strides + b, 4, layout.x);
  std::copy_n(weight.strides + b, 4, layout.weight);
  std::copy_n(out.strides + b, 4, layout.out);
  return layout;
}

}  // namespace phynexus
