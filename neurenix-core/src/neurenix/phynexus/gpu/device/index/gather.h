// Reads by index; indices beyond the axis are clamped.
#pragma once

#include "units.h"

namespace phynexus::gpu {

template <class T>
DEVICE void gather_run(const GatherParams& p, char* const* bases, const int64_t* indices, int present) {
  const int axes = p.walk.axes;
  const char* x = place_of(p.x, bases, axes, indices);
  const char* index = place_of(p.index, bases, axes, indices);
  char* out = place_of(p.out, bases, axes, indices);
  const auto from = [&](int j) {
    const int32_t at = *reinterpret_cast<const int32_t*>(index + j * p.index.run_stride);
    return x + clamped(at, p.n - 1) * p.x_stride + j * p.x.run_stride;
  };
  T run[run_of_index] = {};
  if (p.index.run_stride == 0) {
    load_run<run_of_index, T>(from(0), p.x.run_stride, present, [&](int j, T v) { run[j] = v; });
  } else {
    UNROLL
    for (int j = 0; j < run_of_index; j++) run[j] = *reinterpret_cast<const T*>(from(j < present ? j : 0));
  }
  store_run<run_of_index, T>(out, p.out.run_stride, present, [&](int j) { return run[j]; });
}

DEVICE void gather(const GatherParams& p, char* const* bases, int64_t tile, const Group& group) {
  const int64_t unit = unit_of(tile, group);
  if (unit >= p.walk.units) return;
  int64_t indices[max_rank];
  unit_indices(p.walk, unit, indices);
  const int present = run_present(p.walk, indices);
  switch (p.item_bytes) {
    case 1: return gather_run<uint8_t>(p, bases, indices, present);
    case 2: return gather_run<uint16_t>(p, bases, indices, present);
    case 4: return gather_run<uint32_t>(p, bases, indices, present);
    default: return gather_run<uint64_t>(p, bases, indices, present);
  }
}

}  // namespace phynexus::gpu
