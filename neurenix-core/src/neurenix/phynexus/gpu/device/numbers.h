// The dtypes on a device: what stores them, what computes with them, and the way between.
#pragma once

#include "platform.h"

namespace phynexus::gpu {

// The numbers of phx_dtype, whose header no run-time compiler has.
enum Dtype : int32_t {
  dtype_float32 = 0,
  dtype_float64 = 1,
  dtype_float16 = 2,
  dtype_bfloat16 = 3,
  dtype_int32 = 4,
  dtype_int64 = 5,
  dtype_uint8 = 6,
  dtype_uint32 = 7,
  dtype_bool = 8,
};

struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

DEVICE float float_of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
DEVICE uint32_t bits_of_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

DEVICE float widened(BFloat16 x) { return float_of_bits(uint32_t(x.bits) << 16); }

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
DEVICE float widened(Float16 x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
}
#elif defined(__HIP__)
DEVICE float widened(Float16 x) {
  _Float16 y;
  memcpy(&y, &x.bits, sizeof y);
  return float(y);
}
#else
DEVICE float widened(Float16 x) {
  const uint32_t sign = uint32_t(x.bits & 0x8000u) << 16, rest = x.bits & 0x7fffu;
  if (rest >= 0x7c00u) return float_of_bits(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  if (rest >= 0x400u) return float_of_bits(sign | ((rest << 13) + 0x38000000u));
  const float small = float(rest) * 0x1p-24f;  // exact: subnormal, or 0
  return float_of_bits(sign | bits_of_float(small));
}
#endif
template <class T>
DEVICE T widened(T x) {
  return x;
}

// What a stored dtype computes in.
template <class T>
struct Computing {
  using Type = T;
};
template <>
struct Computing<Float16> {
  using Type = float;
};
template <>
struct Computing<BFloat16> {
  using Type = float;
};
template <class T>
using Computed = typename Computing<T>::Type;

// To the nearest, ties to even; NaN stays NaN.
template <class T>
struct Narrowing {
  DEVICE static T of(T x) { return x; }
};
template <>
struct Narrowing<BFloat16> {
  DEVICE static BFloat16 of(float x) {
    const uint32_t bits = bits_of_float(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return {uint16_t(bits >> 16 | 0x40u)};
    return {uint16_t((bits + 0x7fffu + (bits >> 16 & 1)) >> 16)};
  }
};
template <>
struct Narrowing<Float16> {
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
  DEVICE static Float16 of(float x) {
    Float16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
  }
#elif defined(__HIP__)
  DEVICE static Float16 of(float x) {
    const _Float16 y = _Float16(x);
    Float16 z;
    memcpy(&z.bits, &y, sizeof y);
    return z;
  }
#else
  DEVICE static Float16 of(float x) {
    const uint32_t bits = bits_of_float(x), sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) return {uint16_t(sign | 0x7fffu)};
    if (rest >= 0x477ff000u) return {uint16_t(sign | 0x7c00u)};  // rounds to infinity
    if (rest >= 0x38800000u)
      return {uint16_t(sign | ((rest + 0xfffu + (rest >> 13 & 1)) - 0x38000000u) >> 13)};
    // Below the normal numbers: adding 1/2 leaves the bits in place, rounded.
    const float shifted = float_of_bits(rest) + 0.5f;
    return {uint16_t(sign | (bits_of_float(shifted) - 0x3f000000u))};
  }
#endif
};
template <class T>
DEVICE T narrowed(Computed<T> x) {
  return Narrowing<T>::of(x);
}

// f(T{}) with the type that stores a dtype. A bool is stored as uint8_t of 0 or 1.
template <class F>
DEVICE void with_dtype(int32_t dtype, const F& f) {
  switch (dtype) {
    case dtype_float32: return f(float{});
    case dtype_float64: return f(double{});
    case dtype_float16: return f(Float16{});
    case dtype_bfloat16: return f(BFloat16{});
    case dtype_int32: return f(int32_t{});
    case dtype_int64: return f(int64_t{});
    case dtype_uint32: return f(uint32_t{});
    default: return f(uint8_t{});
  }
}

}  // namespace phynexus::gpu
