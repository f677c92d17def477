// The pivot of a column: what each thread has found, and the best of all.
#pragma once

#include "matrices.h"

namespace phynexus::gpu {

// The largest so far, and its row: the first of equal ones; the first NaN before all.
template <class Work>
struct Pivot {
  Work size;
  int row;
  DEVICE void consider(Work other, int other_row) {
    if (other_row < 0) return;
    const bool is_nan = size != size, other_is_nan = other != other;
    const bool better = row < 0 || (other_is_nan && !is_nan) || (!is_nan && other > size);
    const bool equal = row >= 0 && ((is_nan && other_is_nan) || other == size);
    if (better || (equal && other_row < row)) {
      size = other;
      row = other_row;
    }
  }
};

// The best that any thread has, for all of them, in one barrier. `exchange`: shared, a place for each group of lanes;
// another barrier must lie behind it before the next search.
template <class Work>
DEVICE Pivot<Work> pivot_of_all(Pivot<Work> best, Pivot<Work>* exchange, const Group& group) {
  static_assert(1024 / 32 * sizeof(Pivot<Work>) <= linear_algebra_exchange_bytes);
  for (int distance = LANES / 2; distance; distance /= 2) {
    const Work size = lane_xor(best.size, distance);
    const int row = lane_xor(best.row, distance);
    best.consider(size, row);
  }
  if (group.thread % LANES == 0) exchange[group.thread / LANES] = best;
  group.barrier();
  for (int g = 0; g < group.threads / LANES; g++) best.consider(exchange[g].size, exchange[g].row);
  return best;
}

}  // namespace phynexus::gpu
