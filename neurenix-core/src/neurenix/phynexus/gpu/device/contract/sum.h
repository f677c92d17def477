// Adds up the segments' sums of a product whose terms were divided, in their order.
#pragma once

#include "direct.h"

namespace phynexus::gpu {

struct ProductSum {
  const ProductSumParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    using Sum = typename SumOf<T>::Type;
    const ProductAxis* axes = reinterpret_cast<const ProductAxis*>(group.program + p.axes);
    const char* sums = at<char>(bases, p.sums);
    char* out = at<char>(bases, p.out);
    const int64_t first = tile * p.tile_count,
                  end = p.count - first < p.tile_count ? p.count : first + p.tile_count;
    for (int64_t e = first + group.thread; e < end; e += group.threads) {
      const char* segment = sums + e * int64_t(sizeof(Sum));
      Sum sum = 0;
      for (int32_t s = 0; s < p.segments; s++, segment += p.segment_stride)
        sum = sum + *reinterpret_cast<const Sum*>(segment);
      put_sum<T>(out + product_place(axes, p.axis_count, int32_t(e)).out, sum);
    }
  }
};
DEVICE_CALL void product_sum(const ProductSumParams& p, char* const* bases, int64_t tile,
                             const Group& group) {
  with_product_type(p.dtype, ProductSum{p, bases, tile, group});
}

}  // namespace phynexus::gpu
