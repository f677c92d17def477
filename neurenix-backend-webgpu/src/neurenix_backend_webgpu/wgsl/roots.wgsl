// Square roots of float32: zeros, infinities, negative and subnormal numbers by cases.

fn sqrt_f(a: u32) -> u32 {
  if (isnan(a) || (a << 1u) == 0u || a == 0x7f800000u) { return a; }
  if ((a >> 31u) == 1u) { return 0x7fc00000u; }
  if (a < 0x00800000u) { return w(sqrt(f32(a)) * bitcast<f32>(0x1a3504f3u)); } // a 2^-149: sqrt(2^-149)
  return w(sqrt(f(a)));
}

fn rsqrt_f(a: u32) -> u32 {
  if (isnan(a)) { return a; }
  if ((a << 1u) == 0u) { return a | 0x7f800000u; }
  if ((a >> 31u) == 1u) { return 0x7fc00000u; }
  if (a == 0x7f800000u) { return 0u; }
  if (a < 0x00800000u) { return w(inverseSqrt(f32(a)) * bitcast<f32>(0x64b504f3u)); } // times sqrt(2^149)
  return w(inverseSqrt(f(a)));
}
