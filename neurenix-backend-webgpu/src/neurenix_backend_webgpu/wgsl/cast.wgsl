// float32 to integers: NaN gives 0, what is too large the nearest integer.

fn f_to_i(a: u32) -> u32 {
  if (isnan(a)) { return 0u; } let x = f(a);
  if (x >= 2147483648.0f) { return 0x7fffffffu; } if (x <= -2147483648.0f) { return 0x80000000u; }
  return bitcast<u32>(i32(x));
}

fn f_to_u(a: u32) -> u32 {
  if (isnan(a)) { return 0u; } let x = f(a);
  if (x >= 4294967296.0f) { return 0xffffffffu; } if (x <= 0.0f) { return 0u; }
  return u32(x);
}
