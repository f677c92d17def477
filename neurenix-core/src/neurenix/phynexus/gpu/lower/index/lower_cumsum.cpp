// Running sums: a line a thread, or in chunks where it is long.
#include "../../../engine/failure.h"
#include "../walk_sizes.h"
#include "walks.h"

namespace phynexus::gpu {
namespace {

constexpr int64_t shortest_chunk = 256;

int64_t chunk_of(int64_t count) {  // near the root of the count, so that chunks are as many as they are long
  int64_t chunk = shortest_chunk;
  while (chunk * chunk < count) chunk *= 2;
  return chunk;
}

}  // namespace

void lower_cumsum(Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const phx_value &in = plan.input(instruction, 0), &out = plan.output(instruction, 0);
  const Cumsum read = read_params<Cumsum>(plan, instruction);
  if (in.dtype == PHX_BOOL) lack("cumsum of bool");
  if (element_count(in) == 0) return;
  const int axis = int(read.axis);
  std::vector<int64_t> sizes;
  std::vector<int> axes;
  for (int d = 0; d < in.rank; d++)
    if (d != axis) sizes.push_back(in.shape[d]), axes.push_back(d);
  CumsumParams p;
  p.lines = unit_walk(builder,
                      ordered(sizes, {walked_operand(builder, in, axes), walked_operand(builder, out, axes)}),
                      false, {&p.in, &p.out});
  p.in.run_stride = in.strides[axis] * item_bytes(in.dtype);
  p.out.run_stride = out.strides[axis] * item_bytes(out.dtype);
  p.count = in.shape[axis];
  p.chunk = chunk_of(p.count);
  p.chunks = (p.count + p.chunk - 1) / p.chunk;
  p.dtype = in.dtype;
  p.reverse = read.reverse;
  const int64_t chunks = p.lines.units * p.chunks;
  p.large = chunks >= builder.most_counted();
  p.chunk_and_line[0] = divisor_of(p.chunks);
  p.chunk_and_line[1] = divisor_of(p.lines.units);
  if (p.chunks > 1) {
    p.totals = builder.workspace(chunks * 8);
    builder.add(handler_cumsum_totals, tiles_of(builder, chunks), p);
    builder.next_phase();
    builder.add(handler_cumsum_offsets, tiles_of(builder, p.lines.units), p);
    builder.next_phase();
  }
  builder.add(handler_cumsum, tiles_of(builder, chunks), p);
}

}  // namespace phynexus::gpu
