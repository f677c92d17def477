// Casts between numbers, as the reference backend makes them.
#pragma once

#include "../numbers.h"

namespace phynexus::gpu {

template <class To, class From>
DEVICE To same_bits(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To y;
  memcpy(&y, &x, sizeof y);
  return y;
}

DEVICE float as_float16(float x) { return widened(narrowed<Float16>(x)); }
DEVICE float as_bfloat16(float x) { return widened(narrowed<BFloat16>(x)); }

// To the neighbour whose last bit is 1 where it is not exact: what is rounded once more is then rounded right.
DEVICE float float_to_odd(double x) {
  const float near = float(x);
  if (double(near) == x || x != x) return near;
  const uint32_t bits = bits_of_float(near);
  if (bits & 1u) return near;
  const double size = x < 0 ? -x : x, near_size = double(near < 0 ? -near : near);
  return float_of_bits(size > near_size ? bits + 1u : bits - 1u);
}

// The same of integers, for bfloat16: within 24 bits, of which the least says whether there were more below.
DEVICE float whole_to_odd(uint64_t m) {
  const int low = m >> 24 == 0 ? 0 : m >> 32 == 0 ? 8 : m >> 47 == 0 ? 23 : m >> 62 == 0 ? 38 : 53;
  const uint64_t kept = m >> low << low;
  return float(kept == m ? m : kept | uint64_t(1) << low);
}
DEVICE float whole_to_odd(int64_t x) {
  return x < 0 ? -whole_to_odd(uint64_t(0) - uint64_t(x)) : whole_to_odd(uint64_t(x));
}

// A float becomes an integer by truncation; what is too large saturates, NaN gives 0.
template <class To>
struct IntegerRange;
template <>
struct IntegerRange<int32_t> {
  static constexpr double low = -2147483648.0, beyond = 2147483648.0;
  static constexpr int32_t least = int32_t(0x80000000u), most = 0x7fffffff;
};
template <>
struct IntegerRange<int64_t> {
  static constexpr double low = -9223372036854775808.0, beyond = 9223372036854775808.0;
  static constexpr int64_t least = int64_t(0x8000000000000000u), most = 0x7fffffffffffffff;
};
template <>
struct IntegerRange<uint8_t> {
  static constexpr double low = 0, beyond = 256;
  static constexpr uint8_t least = 0, most = 255;
};
template <>
struct IntegerRange<uint32_t> {
  static constexpr double low = 0, beyond = 4294967296.0;
  static constexpr uint32_t least = 0, most = 0xffffffffu;
};

template <class To, class From>
DEVICE To integer_of(From x) {
  using Range = IntegerRange<To>;
  if (!(x > From(Range::low))) return x != x ? To(0) : Range::least;
  if (x >= From(Range::beyond)) return Range::most;
  return To(x);
}

}  // namespace phynexus::gpu
