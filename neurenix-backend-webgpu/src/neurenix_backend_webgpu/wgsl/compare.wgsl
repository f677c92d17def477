// Compares float32 words in integers: -0 equals 0, and a NaN is in no order.

fn isnan(x: u32) -> bool { return (x & 0x7fffffffu) > 0x7f800000u; }

fn key(x: u32) -> i32 { let s = bitcast<i32>(x); return select(s, -(s & 0x7fffffff), s < 0); }

fn lt(a: u32, b: u32) -> bool { return !isnan(a) & !isnan(b) & (key(a) < key(b)); }

fn le(a: u32, b: u32) -> bool { return !isnan(a) & !isnan(b) & (key(a) <= key(b)); }

fn eq(a: u32, b: u32) -> bool { return !isnan(a) & !isnan(b) & (key(a) == key(b)); }

fn sign_f(a: u32) -> u32 {
  return select((a & 0x80000000u) | 0x3f800000u, a, isnan(a) | ((a << 1u) == 0u));
}

fn maximum_f(a: u32, b: u32) -> u32 {
  return select(b, a, isnan(a) | (!isnan(b) & (key(a) > key(b))));
}

fn minimum_f(a: u32, b: u32) -> u32 {
  return select(b, a, isnan(a) | (!isnan(b) & (key(a) < key(b))));
}
