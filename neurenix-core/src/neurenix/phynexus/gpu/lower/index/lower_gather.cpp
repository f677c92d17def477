// Gather: a walk over the output, whose index along one axis of x is read.
#include "walks.h"

namespace phynexus::gpu {

void lower_gather(Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const phx_value &x = plan.input(instruction, 0), &index = plan.input(instruction, 1),
                  &out = plan.output(instruction, 0);
  const Index read = read_params<Index>(plan, instruction);
  const int axis = int(read.axis), batch = int(read.batch), positions = index.rank - batch;
  std::vector<int64_t> sizes(out.shape, out.shape + out.rank);
  std::vector<int> of_x, of_index, of_out;
  for (int d = 0; d < out.rank; d++) {
    const bool indexed = d >= axis && d < axis + positions;
    of_x.push_back(d < axis ? d : indexed ? -1 : d - positions + 1);
    of_index.push_back(d < batch ? d : indexed ? d - axis + batch : -1);
    of_out.push_back(d);
  }
  GatherParams p;
  const Walked walked =
      ordered(sizes, {walked_operand(builder, x, of_x), walked_operand(builder, index, of_index),
                      walked_operand(builder, out, of_out)});
  p.walk = unit_walk(builder, walked, true, {&p.x, &p.index, &p.out});
  p.item_bytes = item_bytes(x.dtype);
  p.x_stride = x.strides[axis] * p.item_bytes;
  p.n = x.shape[axis];
  builder.add(handler_gather, tiles_of(builder, p.walk.units), p);
}

}  // namespace phynexus::gpu
