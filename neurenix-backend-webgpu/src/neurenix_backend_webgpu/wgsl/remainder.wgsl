// The remainder that has the sign of the divisor: exact for float32, in integers.

fn fmod_bits(a: u32, b: u32) -> u32 {  // finite a, b other than 0; the sign of a
  let s = a & 0x80000000u; var x = a & 0x7fffffffu; var y = b & 0x7fffffffu;
  if (x < y) { return a; }
  if (x == y) { return s; }
  var ex = i32(x >> 23u); var ey = i32(y >> 23u);
  if (ex == 0) { let k = countLeadingZeros(x) - 8u; x = x << k; ex = 1 - i32(k); } else { x = (x & 0x007fffffu) | 0x00800000u; }
  if (ey == 0) { let k = countLeadingZeros(y) - 8u; y = y << k; ey = 1 - i32(k); } else { y = (y & 0x007fffffu) | 0x00800000u; }
  for (; ex > ey; ex = ex - 1) { if (x >= y) { x = x - y; if (x == 0u) { return s; } } x = x << 1u; }
  if (x >= y) { x = x - y; if (x == 0u) { return s; } }
  let k = countLeadingZeros(x) - 8u; x = x << k; ex = ex - i32(k);
  if (ex > 0) { return s | ((x & 0x007fffffu) | (u32(ex) << 23u)); }
  return s | (x >> u32(1 - ex));
}

fn remainder_f(a: u32, b: u32) -> u32 {
  if (isnan(a) || isnan(b) || (b << 1u) == 0u || (a << 1u) == 0xff000000u) { return 0x7fc00000u; }
  var r = a;
  if ((b << 1u) != 0xff000000u && (a << 1u) != 0u) { r = fmod_bits(a, b); }
  if ((r << 1u) == 0u) { return b & 0x80000000u; }
  if (((r ^ b) >> 31u) == 1u) { if ((b << 1u) == 0xff000000u) { return b; } return add_f(r, b); }
  return r;
}

fn rem_i(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  let x = bitcast<i32>(a); let y = bitcast<i32>(b);
  let ux = select(a, 0u - a, x < 0); let uy = select(b, 0u - b, y < 0);
  var r = ux % uy; if (x < 0) { r = 0u - r; }
  if (r != 0u && ((r ^ b) >> 31u) == 1u) { r = r + b; }
  return r;
}

fn rem_u(a: u32, b: u32) -> u32 { if (b == 0u) { return 0u; } return a % b; }
