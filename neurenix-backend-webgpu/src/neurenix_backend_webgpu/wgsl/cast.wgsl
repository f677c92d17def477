// float32 to integers: NaN gives 0, what is too large the nearest integer.

fn f_to_i(a: u32) -> u32 {
  let x = f(a);
  var y = select(bitcast<u32>(i32(x)), 0x7fffffffu, x >= 2147483648.0f);
  y = select(y, 0x80000000u, x <= -2147483648.0f);
  return select(y, 0u, isnan(a));
}

fn f_to_u(a: u32) -> u32 {
  let x = f(a);
  let y = select(u32(x), 0xffffffffu, x >= 4294967296.0f);
  return select(y, 0u, isnan(a) | (x <= 0.0f));
}
