// Where the elements of a product lie: a row, a column or a term is a number that its axes share.
#pragma once

#include "../group.h"
#include "params.h"

namespace phynexus::gpu {

// x / size for x < 2^31, without a division: Granlund and Montgomery, "Division by invariant integers", section 4.
DEVICE uint32_t divided(uint32_t x, const ProductAxis& axis) {
  return (uint32_t((uint64_t(x) * axis.magic) >> 32) + x) >> axis.shift;
}

// What an index adds: bytes for each operand, and a move over the image.
struct ProductPlace {
  int64_t out = 0, a = 0, b = 0;
  int32_t h = 0, w = 0;
};

DEVICE ProductPlace product_place(const ProductAxis* axes, int32_t count, int32_t index) {
  ProductPlace place;
  uint32_t rest = uint32_t(index);
  ROLLED
  for (int32_t d = 0; d < count; d++) {
    const ProductAxis& axis = axes[d];
    const uint32_t left = d + 1 < count ? divided(rest, axis) : 0;
    const int64_t i = int64_t(rest - left * uint32_t(axis.size));
    place.out += i * axis.out;
    place.a += i * axis.a;
    place.b += i * axis.b;
    place.h += int32_t(i) * axis.h;
    place.w += int32_t(i) * axis.w;
    rest = left;
  }
  return place;
}

// A move that leads out of every image, with any other move added.
inline constexpr int32_t product_outside = -(1 << 30);

DEVICE bool within_image(const ProductParams& p, int32_t h, int32_t w) {
  return uint32_t(h) < uint32_t(p.height) && uint32_t(w) < uint32_t(p.width);
}

struct ProductAxes {
  const ProductAxis *batch, *m, *n, *k;
};

DEVICE ProductAxes axes_of(const ProductParams& p, const Group& group) {
  const ProductAxis* first = reinterpret_cast<const ProductAxis*>(group.program + p.axes);
  const ProductAxis *m = first + p.batch_axes, *n = m + p.m_axes, *k = n + p.n_axes;
  return {first, m, n, k};
}

}  // namespace phynexus::gpu
