// Takes finite float32 numbers apart, and scales them by powers of two.

struct Parts { m: f32, e: i32 }

fn norm(u: u32) -> Parts {  // |x| = m 2^e, 1 <= m < 2, of a finite x other than 0
  let x = u & 0x7fffffffu; let e = i32(x >> 23u);
  let s = select(0u, countLeadingZeros(x) - 8u, e == 0);
  let m = bitcast<f32>(((x << s) & 0x007fffffu) | 0x3f800000u);
  return Parts(m, select(e, 1 - i32(s), e == 0) - 127);
}

fn pow2(n: i32) -> f32 { return bitcast<f32>(u32(n + 127) << 23u); }

fn scale(x: f32, n: i32) -> f32 {  // x 2^n
  let k = clamp(n, -300, 300); let h = k / 3;
  return x * pow2(h) * pow2(h) * pow2(k - 2 * h);
}
