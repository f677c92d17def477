// Random bits: four elements a thread.
#include "walks.h"

namespace phynexus::gpu {

void lower_random_bits(Builder& builder, const phx_instruction& instruction) {
  const phx_value &key = builder.plan.input(instruction, 0), &out = builder.plan.output(instruction, 0);
  std::vector<int64_t> sizes(out.shape, out.shape + out.rank);
  std::vector<int> axes;
  for (int d = 0; d < out.rank; d++) axes.push_back(d);
  RandomBitsParams p;
  const Walked walked = merged(sizes, {walked_operand(builder, out, axes)});
  p.walk = unit_walk(builder, walked, false, {&p.out});
  p.out.run_stride = walked.sizes.empty() ? 4 : p.out.strides[0];
  p.count = element_count(out);
  p.key = builder.place(key);
  p.key_stride = key.strides[0] * 4;
  builder.add(handler_random_bits, tiles_of(builder, (p.count + 3) / 4), p);
}

}  // namespace phynexus::gpu
