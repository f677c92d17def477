// Adds an element-wise operation of two float32 tensors to a plan.
#pragma once

#include <vector>

#include "../../../neurenix-backend-cpu/cpp/tests/plan_builder.h"

namespace engine_test {

// out = x op y
inline void add_binary(Builder& b, int64_t opcode, const phx_value& x, const phx_value& y,
                       const phx_value& out) {
  std::vector<int64_t> p{1, 1, 0, out.rank};
  for (int d = 0; d < out.rank; d++) p.push_back(out.shape[d]);
  p.insert(p.end(), {opcode, PHX_FLOAT32, 0, 1, -1, 0, 2, 0});
  b.add(PHX_FUSED, {x, y}, {&out}, p);
}

}  // namespace engine_test
