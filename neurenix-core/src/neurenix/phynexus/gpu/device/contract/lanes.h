// Products of few elements over many terms: lanes that go together share the terms of one sum.
#pragma once

#include "direct.h"

namespace phynexus::gpu {

// The sum over all lanes, in a fixed tree; each lane has it.
template <class Sum>
DEVICE Sum sum_of_lanes(Sum sum) {
  for (int distance = LANES / 2; distance; distance /= 2) sum = sum + lane_xor(sum, distance);
  return sum;
}

template <class T>
DEVICE void product_of_lanes(const ProductParams& params, char* const* bases, int64_t tile,
                             const Group& group) {
  using Sum = typename SumOf<T>::Type;
  const ProductParams p = params;  // in registers
  const ProductAxes axes = axes_of(p, group);
  const uint32_t rows = uint32_t(p.m), columns = uint32_t(p.n), each = uint32_t(p.batch) * rows * columns;
  const uint32_t units = each * uint32_t(p.splits), first = uint32_t(tile) * uint32_t(p.tile_units);
  const uint32_t end = units - first < uint32_t(p.tile_units) ? units : first + uint32_t(p.tile_units);
  const int lane = group.thread % LANES;
  ONE_BY_ONE
  for (uint32_t unit = first + uint32_t(group.thread / LANES); unit < end;
       unit += uint32_t(group.threads / LANES)) {
    const int32_t split = int32_t(unit / each), n = int32_t(unit % columns),
                  m = int32_t(unit / columns % rows);
    const ProductPlace batch = product_place(axes.batch, p.batch_axes, int32_t(unit % each / columns / rows));
    const ProductPlace row = product_place(axes.m, p.m_axes, m), column = product_place(axes.n, p.n_axes, n);
    const char* a = bases[p.a.base] + p.a.offset + batch.a + row.a;
    const char* b = bases[p.b.base] + p.b.offset + batch.b + column.b;
    const int32_t h = p.h + row.h, w = p.w + row.w, begin = split * p.split_k;
    const int32_t stop = p.k - begin < p.split_k ? p.k : begin + p.split_k;
    Sum sum = 0;
    ONE_BY_ONE
    for (int32_t k = begin + lane; k < stop; k += LANES) {
      const ProductPlace term = product_place(axes.k, p.k_axes, k);
      if (within_image(p, h + term.h, w + term.w))
        sum = multiply_add(term_at<T>(a + term.a), term_at<T>(b + term.b), sum);
    }
    sum = sum_of_lanes(sum);
    if (lane == 0)
      put_product<T>(p, bases[p.out.base] + p.out.offset + batch.out + split * p.split_stride,
                     row.out + column.out, sum);
  }
}

struct ProductOfLanes {
  const ProductParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    product_of_lanes<T>(p, bases, tile, group);
  }
};
DEVICE_CALL void product_lanes(const ProductParams& p, char* const* bases, int64_t tile, const Group& group) {
  with_product_type(p.dtype, ProductOfLanes{p, bases, tile, group});
}

}  // namespace phynexus::gpu
