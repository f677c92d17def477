// Products of few elements over many terms: lanes that go together share the segments of one sum.
#pragma once

#include "direct.h"

namespace phynexus::gpu {

template <class T>
DEVICE void product_of_lanes(const ProductParams& p, char* const* bases, int64_t tile, const Group& group) {
  using Sum = typename SumOf<T>::Type;
  const ProductAxes axes = axes_of(p, group);
  const ProductAxis step = p.k_axes ? axes.k[0] : ProductAxis();
  const uint32_t rows = uint32_t(p.m), columns = uint32_t(p.n), each = uint32_t(p.batch) * rows * columns;
  const uint32_t units = each * uint32_t(p.splits), first = uint32_t(tile) * uint32_t(p.tile_units);
  const uint32_t end = units - first < uint32_t(p.tile_units) ? units : first + uint32_t(p.tile_units);
  const int32_t lane = group.thread & (p.sharing - 1), first_lane = group.thread % LANES - lane;
  // All lanes stay for the exchanges: those that have no sum of their own do the last one's, for nobody.
  ONE_BY_ONE
  for (uint32_t next = first; next < end; next += uint32_t(group.threads / p.sharing)) {
    const uint32_t own_unit = next + uint32_t(group.thread / p.sharing);
    const bool has_one = own_unit < end;
    const uint32_t unit = has_one ? own_unit : end - 1;
    const int32_t split = int32_t(unit / each), n = int32_t(unit % columns),
                  m = int32_t(unit / columns % rows);
    const ProductPlace batch = product_place(axes.batch, p.batch_axes, int32_t(unit % each / columns / rows));
    const ProductPlace row = product_place(axes.m, p.m_axes, m), column = product_place(axes.n, p.n_axes, n);
    char* out = bases[p.out.base] + p.out.offset + batch.out + row.out + column.out;
    DirectUnit<T, 1, 1, true> own;
    own.a[0] = bases[p.a.base] + p.a.offset + batch.a + row.a;
    own.b[0] = bases[p.b.base] + p.b.offset + batch.b + column.b;
    own.h[0] = p.h + row.h;
    own.w[0] = p.w + row.w;
    Sum total = 0;
    ONE_BY_ONE
    for (int32_t done = 0; done < p.split_k; done += p.sharing * p.segment) {
      const int32_t begin = split * p.split_k + done + lane * p.segment;
      const int32_t rest = p.k - begin, count = rest < p.segment ? rest : p.segment;
      own.outer = begin / step.size;
      own.inner = begin % step.size;
      const bool is_there = done + lane * p.segment < p.split_k && count > 0;
      own.add_segment(p, axes.k, step, is_there ? count : 0);
      if (p.splits > 1) {
        if (has_one && is_there)
          *reinterpret_cast<Sum*>(out + begin / p.segment * p.split_stride) = own.sums[0][0];
        continue;
      }
      ONE_BY_ONE
      for (int32_t other = 0; other < p.sharing; other++)
        total = total + lane_of(own.sums[0][0], first_lane + other);
    }
    if (has_one && lane == 0 && p.splits == 1) put_sum<T>(out, total);
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
