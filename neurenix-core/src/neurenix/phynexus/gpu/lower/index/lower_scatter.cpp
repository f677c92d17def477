// Scatter and scatter_add: a walk over the output; many updates are sorted by their index first.
#include <cstdint>

#include "../../../engine/failure.h"
#include "sorting.h"

namespace phynexus::gpu {
namespace {

constexpr int64_t most_looked_through = 64;

// The numbers of a batch's updates in order of their index, [batches, updates].
Pointer sort_updates(Builder& builder, const phx_value& index, int batch, int64_t n, const Along& along,
                     const int64_t* index_along) {
  std::vector<int64_t> sizes(index.shape, index.shape + batch);
  std::vector<int> axes;
  for (int d = 0; d < batch; d++) axes.push_back(d);
  SortParams p;
  p.lines = unit_walk(builder, merged(sizes, {walked_operand(builder, index, axes)}), false, {&p.in});
  p.along = along;
  std::copy(index_along, index_along + max_rank, p.in_along);
  p.most = n - 1;
  p.after = builder.workspace(p.lines.units * along.count * 4);
  add_sort(builder, p);
  return p.after;
}

}  // namespace

void lower_scatter(Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const phx_value &x = plan.input(instruction, 0), &index = plan.input(instruction, 1),
                  &updates = plan.input(instruction, 2), &out = plan.output(instruction, 0);
  const Index read = read_params<Index>(plan, instruction);
  const int axis = int(read.axis), batch = int(read.batch), positions = index.rank - batch;
  if (element_count(out) == 0) return;
  ScatterParams p;
  p.n = x.shape[axis];
  p.dtype = x.dtype;
  p.adds = instruction.opcode == PHX_SCATTER_ADD;

  std::vector<int64_t> index_sizes(index.shape + batch, index.shape + index.rank);
  std::vector<int> of_index, of_updates;
  for (int d = 0; d < positions; d++) of_index.push_back(batch + d), of_updates.push_back(axis + d);
  p.along = along_of(builder,
                     merged(index_sizes, {walked_operand(builder, index, of_index),
                                          walked_operand(builder, updates, of_updates)}),
                     {p.index_along, p.updates_along});
  p.sorted = p.along.count > most_looked_through;
  if (p.along.count > INT32_MAX)
    lack(format("%lld updates by index: their numbers are int32", (long long)p.along.count));

  std::vector<int64_t> sizes(out.shape, out.shape + out.rank);
  std::vector<int> same, of_batch, of_rest;
  Chain::Operand position, order;
  int64_t line = p.along.count * 4;
  order.strides.assign(sizes.size(), 0);
  position.strides.assign(sizes.size(), 0);
  position.strides[size_t(axis)] = 1;
  for (int d = batch; d-- > 0;) order.strides[size_t(d)] = line, line *= sizes[size_t(d)];
  for (int d = 0; d < out.rank; d++) {
    same.push_back(d);
    of_batch.push_back(d < batch ? d : -1);
    of_rest.push_back(d == axis ? -1 : d < axis ? d : d + positions - 1);
  }
  if (p.sorted) {
    order.at = sort_updates(builder, index, batch, p.n, p.along, p.index_along);
    builder.next_phase();
  }
  const Walked walked = ordered(sizes, {walked_operand(builder, out, same), walked_operand(builder, x, same),
                                        walked_operand(builder, index, of_batch),
                                        walked_operand(builder, updates, of_rest), position, order});
  p.walk = unit_walk(builder, walked, false, {&p.out, &p.x, &p.index, &p.updates, &p.position, &p.order});
  builder.add(handler_scatter, tiles_of(builder, p.walk.units), p);
}

}  // namespace phynexus::gpu
