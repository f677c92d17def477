// Sorting: runs are sorted, then merged in pairs, a phase for each doubling.
#include <utility>

#include "../walk_sizes.h"
#include "sorting.h"

namespace phynexus::gpu {

constexpr int64_t shortest_run = 64;

void add_sort(Builder& builder, SortParams p) {
  const int64_t count = p.along.count, elements = p.lines.units * count;
  if (elements == 0) return;
  const int64_t tiles = tiles_of(builder, elements);
  p.large = elements >= builder.most_counted();
  p.line_and_element[0] = divisor_of(p.lines.units);
  p.line_and_element[1] = divisor_of(count);
  const Pointer final = p.after;
  const bool to_outputs = p.last != 0;
  const auto set = [&](int64_t run, bool last) {
    p.run = run;
    p.last = last && to_outputs;
  };
  if (count <= shortest_run) {
    set(shortest_run, true);
    return builder.add(handler_sort_runs, tiles, p);
  }
  Pointer numbers = builder.workspace(elements * 4), others = builder.workspace(elements * 4);
  set(shortest_run, false);
  p.after = numbers;
  builder.add(handler_sort_runs, tiles, p);
  for (int64_t run = shortest_run; run < count; run *= 2) {
    builder.next_phase();
    const bool last = 2 * run >= count;
    set(run, last);
    p.before = numbers;
    p.after = last ? final : others;
    builder.add(handler_sort_merge, tiles, p);
    std::swap(numbers, others);
  }
}

void lower_sort(Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const phx_value &in = plan.input(instruction, 0), &values = plan.output(instruction, 0),
                  &from = plan.output(instruction, 1);
  const int axis = int(read_params<Sort>(plan, instruction).axis);
  std::vector<int64_t> sizes;
  std::vector<int> axes;
  for (int d = 0; d < in.rank; d++)
    if (d != axis) sizes.push_back(in.shape[d]), axes.push_back(d);
  SortParams p;
  p.lines =
      unit_walk(builder,
                ordered(sizes, {walked_operand(builder, in, axes), walked_operand(builder, values, axes),
                                walked_operand(builder, from, axes)}),
                false, {&p.in, &p.values, &p.from});
  p.along = along_of(builder, {{in.shape[axis]}, {walked_operand(builder, in, {axis})}}, {p.in_along});
  p.values.run_stride = values.strides[axis] * item_bytes(values.dtype);
  p.from.run_stride = from.strides[axis] * 4;
  p.dtype = in.dtype;
  p.last = p.writes_values = 1;
  add_sort(builder, p);
}

}  // namespace phynexus::gpu
