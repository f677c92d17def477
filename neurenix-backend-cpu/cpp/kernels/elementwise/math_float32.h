// Transcendental functions of float32 vectors. Errors in ulp as measured against float64 over all or dense
// samples of the arguments, with fused multiply-add: exp 1, log 1, log1p 2, sin and cos 1, tan 2, atan 2,
// tanh 2, erf 2, pow 1. NaN, infinities, denormals and -0 give what libm gives.
#pragma once

#include "../vectors.h"

namespace phynexus::PHYNEXUS_ISA {

inline constexpr int float_lanes = lanes<float>;
inline constexpr int half_lanes = float_lanes / 2;
using Floats = Vector<float, float_lanes>;
using Ints = Vector<int32_t, float_lanes>;
using Doubles = Vector<double, half_lanes>;
using Longs = Vector<int64_t, half_lanes>;
using HalfFloats = Vector<float, half_lanes>;

inline Floats splat_float(float x) { return Floats{} + x; }
inline Floats magnitude(Floats x) { return (Floats)((Ints)x & 0x7fffffff); }
inline Ints sign_bits(Floats x) { return (Ints)x & int32_t(0x80000000u); }
inline Floats with_bits(Floats x, Ints bits) { return (Floats)((Ints)x | bits); }

inline bool any_lane(Ints mask) {
#if defined(__AVX512F__)
  __m512i raw;
  std::memcpy(&raw, &mask, sizeof raw);
  return _mm512_movepi32_mask(raw) != 0;
#else
  int32_t any = 0;
  for (int i = 0; i < float_lanes; i++) any |= mask[i];
  return any != 0;
#endif
}

// The nearest integer, ties to even, for magnitudes below 2^22.
inline Floats nearest(Floats x) { return (x + 12582912.f) - 12582912.f; }

// 2^n for n in [-126, 127].
inline Floats power_of_two(Ints n) { return (Floats)((n + 127) << 23); }

inline Floats exp_float(Floats x) {
  Floats y = x > 89.f ? splat_float(89.f) : x;
  y = y < -104.f ? splat_float(-104.f) : y;
  const Floats n = nearest(y * 1.44269504f);
  Floats r = y - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Floats p = splat_float(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.f;
  // In two factors, since 2^n alone may lie beyond the normal numbers. A NaN has no n.
  const Floats safe = n == n ? n : Floats{};
  const Ints k = __builtin_convertvector(safe, Ints);
  const Ints half = k >> 1;
  return p * power_of_two(half) * power_of_two(k - half);
}

// log(x) = exponent * log 2 + log(mantissa), mantissa in [sqrt(1/2), sqrt(2)).
inline Floats log_float(Floats x) {
  const Ints small = x < 1.17549435e-38f;
  const Floats scaled = small ? x * 8388608.f : x;
  const Ints bits = (Ints)scaled - 0x3f3504f3;
  const Ints exponent = (bits >> 23) - (small & 23);
  const Floats m = (Floats)((bits & 0x7fffff) + 0x3f3504f3) - 1.f;
  const Floats e = __builtin_convertvector(exponent, Floats);
  Floats p = splat_float(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const Floats square = m * m;
  Floats y = p * m * square;
  y = y + e * -2.12194440e-4f;
  y = y - 0.5f * square;
  y = (m + y) + e * 0.693359375f;
  const Floats infinity = splat_float(__builtin_inff());
  y = x == infinity ? x : y;
  y = x == 0 ? -infinity : y;
  return (x < 0) | (x != x) ? splat_float(__builtin_nanf("")) : y;
}

inline Floats log1p_float(Floats x) {
  const Floats u = x + 1.f;
  // The rounding error of the addition.
  const Floats lost = (x < 1.f ? x - (u - 1.f) : 1.f - (u - x)) / u;
  const Floats y = log_float(u);
  const Floats corrected = y + lost;
  const Ints special = (u == 0) | (u == splat_float(__builtin_inff()));
  const Floats result = special ? y : corrected;
  return magnitude(x) < 1e-10f ? x : result;
}

inline Floats tanh_float(Floats x) {
  const Floats a = magnitude(x);
  const Floats s = x * x;
  Floats p = splat_float(-5.70498872745e-3f);
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  const Floats near = x + x * s * p;
  // Far from 0, 1 - 1 / d with d = (exp(2 a) + 1) / 2; exp(2 a) = 2^n (1 + 2 g), and n is what the low bits of
  // `shifted` hold, above what makes it an exponent.
  const Floats b = a > 9.02f ? splat_float(9.02f) : a;
  const Floats shifted = b * 2.88539008f + 12583039.f;
  const Floats r = b - (shifted - 12583039.f) * 0.34657359f;
  const Floats square = r * r;
  const Floats high = square * 4.44239817e-2f + (r * 1.33865300e-1f + 3.33337616e-1f);
  const Floats g = (high * square + (r * 6.66661727e-1f + 9.99999963e-1f)) * square + r;
  const Floats power = (Floats)((Ints)shifted << 23);
  const Floats d = g * power + (power * 0.5f + 0.5f);
  const Floats far = 1.f - 1.f / d;
  return with_bits(d < 2.2451715f ? near : far, sign_bits(x));  // near of -0 is 0
}

inline Floats erf_float(Floats x) {
  const Floats a = magnitude(x), s = x * x;
  const Floats t = a > 4.f ? splat_float(4.f) : a;
  const Floats square = t * t;
  Floats far = t * -1.72853470e-5f + 3.83197126e-4f;
  const Floats u = t * -3.88396438e-3f + 2.42546219e-2f;
  far = far * square + u;
  far = far * t - 1.06777877e-1f;
  far = far * t - 6.34846687e-1f;
  far = far * t - 1.28717512e-1f;
  far = far * t - t;
  far = 1.f - exp_float(far);
  Floats near = splat_float(-5.96761703e-4f);
  near = near * s + 4.99119423e-3f;
  near = near * s - 2.67681349e-2f;
  near = near * s + 1.12819925e-1f;
  near = near * s - 3.76125336e-1f;
  near = near * s + 1.28379166e-1f;
  near = near * x + x;
  return a > 0.927734375f ? with_bits(far, sign_bits(x)) : near;
}

inline Floats atan_float(Floats x) {
  const Floats a = magnitude(x);
  const Ints large = a > 2.41421356f, middle = (a > 0.414213562f) & ~large;
  const Floats numerator = large ? splat_float(-1.f) : (middle ? a - 1.f : a);
  const Floats denominator = large ? a : (middle ? a + 1.f : splat_float(1.f));
  const Floats base = large ? splat_float(1.57079637f) : (middle ? splat_float(0.785398185f) : Floats{});
  // The rest of the two constants above.
  const Floats rest =
      large ? splat_float(-4.37113883e-8f) : (middle ? splat_float(-2.18556941e-8f) : Floats{});
  const Floats t = numerator / denominator, s = t * t;
  Floats p = splat_float(8.05374449538e-2f);
  p = p * s - 1.38776856032e-1f;
  p = p * s + 1.99777106478e-1f;
  p = p * s - 3.33329491539e-1f;
  const Floats y = base + ((p * s * t + rest) + t);
  return with_bits(y, sign_bits(x));
}

inline Doubles widen_low(Floats x) {
  HalfFloats half;
  std::memcpy(&half, &x, sizeof half);
  return __builtin_convertvector(half, Doubles);
}
inline Doubles widen_high(Floats x) {
  HalfFloats half;
  std::memcpy(&half, reinterpret_cast<const char*>(&x) + sizeof half, sizeof half);
  return __builtin_convertvector(half, Doubles);
}
inline Floats narrow(Doubles low, Doubles high) {
  const HalfFloats l = __builtin_convertvector(low, HalfFloats),
                   h = __builtin_convertvector(high, HalfFloats);
  Floats x;
  std::memcpy(&x, &l, sizeof l);
  std::memcpy(reinterpret_cast<char*>(&x) + sizeof l, &h, sizeof h);
  return x;
}

// x = quadrant * pi/2 + the result, which is in [-pi/4, pi/4]. In float64, where 20 bits of quadrant times
// the 33 bits of the first constant are exact: good for magnitudes up to 1e6.
inline constexpr float largest_angle = 1e6f;

inline Floats reduce_angle(Floats x, Ints& quadrant) {
  const Floats n = nearest(x * 0.636619747f);
  quadrant = __builtin_convertvector(n, Ints);
  const Doubles low = widen_low(x) - widen_low(n) * 1.57079632673412561417e+00;
  const Doubles high = widen_high(x) - widen_high(n) * 1.57079632673412561417e+00;
  return narrow(low - widen_low(n) * 6.07710050650619224932e-11,
                high - widen_high(n) * 6.07710050650619224932e-11);
}

inline Floats sine_polynomial(Floats r) {
  const Floats s = r * r;
  Floats p = splat_float(-1.9515295891e-4f);
  p = p * s + 8.3321608736e-3f;
  p = p * s - 1.6666654611e-1f;
  return r + r * s * p;
}

inline Floats cosine_polynomial(Floats r) {
  const Floats s = r * r;
  Floats p = splat_float(2.443315711809948e-5f);
  p = p * s - 1.388731625493765e-3f;
  p = p * s + 4.166664568298827e-2f;
  return (1.f - 0.5f * s) + s * s * p;
}

// sin(x + shift * pi/2)
inline Floats sine_shifted(Floats x, int32_t shift) {
  const Ints beyond = ~(magnitude(x) <= largest_angle);  // NaN and infinities too
  const Floats safe = beyond ? Floats{} : x;
  Ints quadrant;
  const Floats r = reduce_angle(safe, quadrant);
  quadrant += shift;
  Floats y = (quadrant & 1) != 0 ? cosine_polynomial(r) : sine_polynomial(r);
  y = (Floats)((Ints)y ^ ((quadrant & 2) << 30));
  if (shift == 0) y = safe == 0 ? safe : y;
  if (__builtin_expect(any_lane(beyond), 0))
    for (int i = 0; i < float_lanes; i++)
      if (beyond[i]) y[i] = shift ? __builtin_cosf(x[i]) : __builtin_sinf(x[i]);
  return y;
}

inline Floats sin_float(Floats x) { return sine_shifted(x, 0); }
inline Floats cos_float(Floats x) { return sine_shifted(x, 1); }

inline Floats tan_float(Floats x) {
  const Ints beyond = ~(magnitude(x) <= largest_angle);
  const Floats safe = beyond ? Floats{} : x;
  Ints quadrant;
  const Floats r = reduce_angle(safe, quadrant);
  const Floats s = sine_polynomial(r), c = cosine_polynomial(r);
  const Ints odd = (quadrant & 1) != 0;
  Floats y = (odd ? -c : s) / (odd ? s : c);
  y = safe == 0 ? safe : y;
  if (__builtin_expect(any_lane(beyond), 0))
    for (int i = 0; i < float_lanes; i++)
      if (beyond[i]) y[i] = __builtin_tanf(x[i]);
  return y;
}

// exp(y * log(x)) in float64, for positive finite x.
inline Doubles power_of_positive(Doubles x, Doubles y) {
  const Longs bits = (Longs)x - 0x3fe6a09e667f3bcd;
  const Longs exponent = bits >> 52;
  const Doubles m = (Doubles)((bits & 0xfffffffffffff) + 0x3fe6a09e667f3bcd);
  // The exponent as a double without a conversion of 64-bit integers, which older machines lack.
  const Doubles e = (Doubles)(exponent + 0x4338000000000000) - 6755399441055744.0;
  const Doubles t = (m - 1.0) / (m + 1.0), s = t * t;
  Doubles p = s * (1.0 / 15) + 1.0 / 13;
  p = p * s + 1.0 / 11;
  p = p * s + 1.0 / 9;
  p = p * s + 1.0 / 7;
  p = p * s + 1.0 / 5;
  p = p * s + 1.0 / 3;
  const Doubles log = e * 0.69314718055994530942 + 2.0 * (t + t * s * p);
  Doubles z = y * log;
  z = z > 700.0 ? 700.0 - Doubles{} : z;
  z = z < -700.0 ? -700.0 - Doubles{} : z;
  const Doubles shifted = z * 1.4426950408889634074 + 6755399441055744.0;
  const Doubles n = shifted - 6755399441055744.0;
  const Doubles r = z - n * 0.69314718055994530942;
  Doubles q = r * (1.0 / 362880) + 1.0 / 40320;
  q = q * r + 1.0 / 5040;
  q = q * r + 1.0 / 720;
  q = q * r + 1.0 / 120;
  q = q * r + 1.0 / 24;
  q = q * r + 1.0 / 6;
  q = q * r + 0.5;
  q = q * r + 1.0;
  q = q * r + 1.0;
  return (Doubles)((Longs)q + ((Longs)shifted << 52));
}

inline Floats pow_float(Floats x, Floats y) {
  const Floats most = splat_float(3.40282347e38f);
  const Ints plain = (x > 0) & (x <= most) & (magnitude(y) <= most);
  const Floats base = plain ? x : splat_float(1.f), exponent = plain ? y : splat_float(1.f);
  Floats z = narrow(power_of_positive(widen_low(base), widen_low(exponent)),
                    power_of_positive(widen_high(base), widen_high(exponent)));
  if (__builtin_expect(any_lane(~plain), 0))
    for (int i = 0; i < float_lanes; i++)
      if (!plain[i]) z[i] = __builtin_powf(x[i], y[i]);
  return z;
}

}  // namespace phynexus::PHYNEXUS_ISA
