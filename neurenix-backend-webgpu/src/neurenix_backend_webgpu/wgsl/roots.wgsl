// Square roots of float32: zeros, infinities, negative and subnormal numbers by cases.

fn sqrt_f(a: u32) -> u32 {
  let small = a < 0x00800000u;  // a 2^-149: by sqrt(2^-149)
  let scaled = select(1.0f, bitcast<f32>(0x1a3504f3u), small);
  let y = w(sqrt(select(f(a), f32(a), small)) * scaled);
  let same = isnan(a) | ((a << 1u) == 0u) | (a == 0x7f800000u);
  return select(select(y, 0x7fc00000u, (a >> 31u) == 1u), a, same);
}

fn rsqrt_f(a: u32) -> u32 {
  let small = a < 0x00800000u;  // by sqrt(2^149)
  let scaled = select(1.0f, bitcast<f32>(0x64b504f3u), small);
  var y = w(inverseSqrt(select(f(a), f32(a), small)) * scaled);
  y = select(y, 0u, a == 0x7f800000u);
  y = select(y, 0x7fc00000u, (a >> 31u) == 1u);
  y = select(y, a | 0x7f800000u, (a << 1u) == 0u);
  return select(y, a, isnan(a));
}
