// What the elementwise operations give for one element: phynexus.h's opcodes as functions of C++'s own types.
//
// float16 and bfloat16 are float here, rounded afterwards; uint8 and bool are uint32_t, masked afterwards. Code made at
// run time calls the same functions as the precompiled interpreter, so that both have the same bits.
#pragma once

#include "casts.h"

namespace phynexus::gpu::op {

template <class T>
struct Wrapping {  // what arithmetic is done in
  using Type = T;
};
template <>
struct Wrapping<int32_t> {
  using Type = uint32_t;
};
template <>
struct Wrapping<int64_t> {
  using Type = uint64_t;
};
template <class T>
inline constexpr bool is_real = false;
template <>
inline constexpr bool is_real<float> = true;
template <>
inline constexpr bool is_real<double> = true;

template <class T>
DEVICE T add(T a, T b) {
  using W = typename Wrapping<T>::Type;
  return T(W(a) + W(b));
}
template <class T>
DEVICE T subtract(T a, T b) {
  using W = typename Wrapping<T>::Type;
  return T(W(a) - W(b));
}
template <class T>
DEVICE T multiply(T a, T b) {
  using W = typename Wrapping<T>::Type;
  return T(W(a) * W(b));
}
template <class T>
DEVICE T divide(T a, T b) {
  return a / b;
}
template <class T>
DEVICE T negate(T a) {
  if constexpr (is_real<T>) return -a;
  else return subtract(T(0), a);
}
DEVICE float absolute(float a) { return fabsf(a); }
DEVICE double absolute(double a) { return fabs(a); }
template <class T>
DEVICE T absolute(T a) {
  if constexpr (T(-1) < T(0)) return a < T(0) ? negate(a) : a;
  else return a;
}
template <class T>
DEVICE T sign(T a) {  // of NaN: NaN
  if constexpr (T(-1) < T(0)) return a > T(0) ? T(1) : a < T(0) ? T(-1) : a == T(0) ? T(0) : a;
  else return a != T(0) ? T(1) : a;
}
template <class T>
DEVICE T maximum(T a, T b) {  // either NaN: NaN
  return a > b || a != a ? a : b;
}
template <class T>
DEVICE T minimum(T a, T b) {
  return a < b || a != a ? a : b;
}
template <class T>
DEVICE T integer_power(T a, int64_t exponent) {
  T power = T(1), square = a;
  for (uint64_t e = exponent < 0 ? uint64_t(0) - uint64_t(exponent) : uint64_t(exponent); e; e >>= 1) {
    if (e & 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  if constexpr (is_real<T>)
    if (exponent < 0) return T(1) / power;
  return power;
}
// It has the divisor's sign, as NumPy's; an integer's by 0 is 0.
template <class T>
DEVICE T remainder(T a, T b) {
  if constexpr (is_real<T>) {
    T r;
    if constexpr (sizeof(T) == 4) r = fmodf(a, b);
    else r = fmod(a, b);
    if (b == T(0) || r != r) return r;
    if (r == T(0)) return sizeof(T) == 4 ? T(copysignf(0.0f, float(b))) : T(copysign(0.0, double(b)));
    return (r < T(0)) != (b < T(0)) ? r + b : r;
  } else if constexpr (T(-1) < T(0)) {
    if (b == T(0) || b == T(-1)) return T(0);
    const T r = a % b;
    return r != T(0) && (r < T(0)) != (b < T(0)) ? r + b : r;
  } else {
    return b == T(0) ? T(0) : a % b;
  }
}
// By the width of the type or more, or by a negative number: 0.
template <class T>
DEVICE T shift_left(T a, T b) {
  using W = typename Wrapping<T>::Type;
  return uint64_t(b) >= sizeof(T) * 8 ? T(0) : T(W(a) << W(b));
}
template <class T>
DEVICE T shift_right(T a, T b) {
  return uint64_t(b) >= sizeof(T) * 8 ? T(0) : T(a >> b);
}

// clang-format off
DEVICE float  floor_of(float a)  { return floorf(a); }
DEVICE double floor_of(double a) { return floor(a); }
DEVICE float  round_of(float a)  { return rintf(a); }  // half to even
DEVICE double round_of(double a) { return rint(a); }
DEVICE float  root(float a)      { return sqrtf(a); }
DEVICE double root(double a)     { return sqrt(a); }
DEVICE float  inverse_root(float a)  { return 1.0f / sqrtf(a); }
DEVICE double inverse_root(double a) { return 1.0 / sqrt(a); }
DEVICE float  exponential(float a)   { return expf(a); }
DEVICE float  logarithm(float a)     { return logf(a); }
DEVICE float  hyperbolic_tangent(float a) { return tanhf(a); }
DEVICE double exponential(double a) { return exp(a); }
DEVICE double logarithm(double a)   { return log(a); }
DEVICE double hyperbolic_tangent(double a) { return tanh(a); }
DEVICE float  logarithm_1p(float a) { return log1pf(a); }
DEVICE double logarithm_1p(double a) { return log1p(a); }
DEVICE float  sine(float a)    { return sinf(a); }
DEVICE double sine(double a)   { return sin(a); }
DEVICE float  cosine(float a)  { return cosf(a); }
DEVICE double cosine(double a) { return cos(a); }
DEVICE float  tangent(float a)  { return tanf(a); }
DEVICE double tangent(double a) { return tan(a); }
DEVICE float  arc_tangent(float a)  { return atanf(a); }
DEVICE double arc_tangent(double a) { return atan(a); }
DEVICE float  error_function(float a)  { return erff(a); }
DEVICE double error_function(double a) { return erf(a); }
DEVICE float  power(float a, float b)   { return powf(a, b); }
DEVICE double power(double a, double b) { return pow(a, b); }
DEVICE float  angle(float a, float b)   { return atan2f(a, b); }
DEVICE double angle(double a, double b) { return atan2(a, b); }
// clang-format on

DEVICE bool finite(float a) { return (same_bits<uint32_t>(a) & 0x7f800000u) != 0x7f800000u; }
DEVICE bool finite(double a) { return (same_bits<uint64_t>(a) & 0x7ff0000000000000u) != 0x7ff0000000000000u; }

// Whether the element x at `place` comes before the largest so far: the larger, NaN before all, the first of equals.
template <class T>
DEVICE bool comes_first(T x, int64_t place, T best, int64_t best_place) {
  if constexpr (is_real<T>) {
    const bool x_nan = x != x, best_nan = best != best;
    if (x_nan || best_nan) return x_nan && (!best_nan || place < best_place);
  }
  return x > best || (x == best && place < best_place);
}

}  // namespace phynexus::gpu::op
