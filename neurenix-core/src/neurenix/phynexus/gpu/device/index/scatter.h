// Writes or adds by index: each element looks for its updates, so that they come in row-major order and nothing races.
//
// Few updates are looked through; of many, sorted by index before, those of one place are found by halving.
#pragma once

#include "../elementwise/operations.h"
#include "units.h"

namespace phynexus::gpu {

template <class T>
DEVICE Computed<T> joined(Computed<T> sum, Computed<T> update, bool is_bool) {
  return is_bool ? Computed<T>(sum != Computed<T>(0) || update != Computed<T>(0)) : op::add(sum, update);
}

template <class T>
DEVICE void scatter_element(const ScatterParams& p, const char* x, const char* index, const char* updates,
                            char* out, const int32_t* order, int64_t position) {
  const auto index_of = [&](int64_t number) {
    return clamped(*reinterpret_cast<const int32_t*>(index + along_offset(p.along, p.index_along, number)),
                   p.n - 1);
  };
  const auto update_of = [&](int64_t number) {
    return *reinterpret_cast<const T*>(updates + along_offset(p.along, p.updates_along, number));
  };
  int64_t low = 0, end = p.along.count;
  if (p.sorted) {
    int64_t high = end;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (index_of(order[middle]) < position) low = middle + 1;
      else high = middle;
    }
  }
  const T first = *reinterpret_cast<const T*>(x);
  Computed<T> sum = widened(first);
  int64_t last = -1;
  for (int64_t k = low; k < end; k++) {
    const int64_t number = p.sorted ? order[k] : k;
    if (index_of(number) != position) {
      if (p.sorted) break;
      continue;
    }
    last = number;
    if (p.adds) sum = joined<T>(sum, widened(update_of(number)), p.dtype == dtype_bool);
  }
  *reinterpret_cast<T*>(out) = last < 0 ? first : p.adds ? narrowed<T>(sum) : update_of(last);
}

DEVICE void scatter(const ScatterParams& p, char* const* bases, int64_t tile, const Group& group) {
  const int64_t unit = unit_of(tile, group);
  if (unit >= p.walk.units) return;
  int64_t indices[max_rank];
  unit_indices(p.walk, unit, indices);
  const int axes = p.walk.axes;
  const char* x = place_of(p.x, bases, axes, indices);
  const char* index = place_of(p.index, bases, axes, indices);
  const char* updates = place_of(p.updates, bases, axes, indices);
  char* out = place_of(p.out, bases, axes, indices);
  const int64_t position = offset_of(p.position, axes, indices);
  const int32_t* order =
      p.sorted ? reinterpret_cast<const int32_t*>(place_of(p.order, bases, axes, indices)) : nullptr;
  with_dtype(p.dtype, [&](auto kind) {
    using T = decltype(kind);
    scatter_element<T>(p, x, index, updates, out, order, position);
  });
}

}  // namespace phynexus::gpu
