// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, 2011): a counter and a key give four words.
#pragma once

#include "units.h"

namespace phynexus::gpu {

struct FourWords {
  uint32_t words[4];
};

DEVICE FourWords philox(uint32_t key0, uint32_t key1, uint64_t counter) {
  uint32_t x0 = uint32_t(counter), x1 = uint32_t(counter >> 32), x2 = 0, x3 = 0;
  UNROLL
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = uint64_t(0xD2511F53u) * x0, p1 = uint64_t(0xCD9E8D57u) * x2;
    x0 = uint32_t(p1 >> 32) ^ x1 ^ key0;
    x1 = uint32_t(p1);
    x2 = uint32_t(p0 >> 32) ^ x3 ^ key1;
    x3 = uint32_t(p0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{x0, x1, x2, x3}};
}

DEVICE void random_bits(const RandomBitsParams& p, char* const* bases, int64_t tile, const Group& group) {
  const int64_t unit = unit_of(tile, group), first = 4 * unit;
  if (first >= p.count) return;
  const char* key = at<char>(bases, p.key);
  const FourWords four = philox(*reinterpret_cast<const uint32_t*>(key),
                                *reinterpret_cast<const uint32_t*>(key + p.key_stride), uint64_t(unit));
  const int present = p.count - first < 4 ? int(p.count - first) : 4;
  if (p.walk.axes <= 1) {
    store_run<4, uint32_t>(at<char>(bases, p.out.at) + first * p.out.run_stride, p.out.run_stride, present,
                           [&](int j) { return four.words[j]; });
    return;
  }
  UNROLL
  for (int j = 0; j < 4; j++) {
    if (j >= present) break;
    int64_t indices[max_rank];
    unit_indices(p.walk, first + j, indices);
    *reinterpret_cast<uint32_t*>(place_of(p.out, bases, p.walk.axes, indices)) = four.words[j];
  }
}

}  // namespace phynexus::gpu
