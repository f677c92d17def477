// Sizes and extents of a plan's values.
#include "plan.h"

#include <algorithm>

#include "../failure.h"

namespace phynexus {

int arity(int64_t opcode) {
  if (opcode >= PHX_NEG && opcode <= PHX_INTEGER_POW) return 1;
  if ((opcode >= PHX_ADD && opcode <= PHX_ATAN2) || (opcode >= PHX_EQUAL && opcode <= PHX_GREATER_EQUAL) ||
      (opcode >= PHX_BITWISE_AND && opcode <= PHX_SHIFT_RIGHT))
    return 2;
  return opcode == PHX_WHERE ? 3 : 0;
}

void Extent::cover(Extent other) {
  if (other.empty()) return;
  if (empty()) {
    *this = other;
    return;
  }
  low = std::min(low, other.low);
  high = std::max(high, other.high);
  alignment = std::max(alignment, other.alignment);
}

int64_t element_count(const phx_value& value) {
  for (int d = 0; d < value.rank; d++)
    if (value.shape[d] == 0) return 0;
  int64_t count = 1;
  for (int d = 0; d < value.rank; d++) count = times(count, value.shape[d]);
  return count;
}

bool is_dense(const phx_value& value) {
  int64_t stride = 1;
  for (int d = value.rank - 1; d >= 0; d--) {
    if (value.shape[d] == 0) return true;
    if (value.shape[d] != 1 && value.strides[d] != stride) return false;
    stride = times(stride, value.shape[d]);
  }
  return true;
}

Extent extent_of(const phx_value& value) {
  int64_t first = 0, last = 0;
  for (int d = 0; d < value.rank; d++) {
    if (value.shape[d] == 0) return {};
    const int64_t reach = times(value.shape[d] - 1, value.strides[d]);
    if (reach < 0) first = plus(first, reach);
    else last = plus(last, reach);
  }
  const int64_t size = item_bytes(value.dtype);
  return {plus(value.offset, times(first, size)), plus(plus(value.offset, times(last, size)), size), size};
}

}  // namespace phynexus
