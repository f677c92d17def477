// Axes of several operands that are walked together: order, merging, and the walk.
#pragma once

#include <cstdint>
#include <vector>

#include "../plan/plan.h"
#include "strided_copy.h"

namespace phynexus {

struct Axis {
  int64_t size = 1;
  bool reduced = false;
  std::vector<int64_t> strides;  // bytes, one for each operand
};

// Puts axes with small strides last. The first operands count for more.
void sort_axes(std::vector<Axis>& axes);
// Drops axes of one element, and merges neighbours that all operands walk as one.
void merge_axes(std::vector<Axis>& axes);
// A copy of all elements of `in` to `out`, in the order that suits both best. Strides in bytes.
StridedCopy plan_copy(const phx_value& in, const phx_value& out);

}  // namespace phynexus
