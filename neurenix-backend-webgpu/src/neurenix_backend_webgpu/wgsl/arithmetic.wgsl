// The four operations of float32, where WGSL leaves infinities and subnormals open.

fn add_f(a: u32, b: u32) -> u32 { return w(f(a) + f(b)); }

// x - x of one register is not 0 where x is NaN or infinite: the two go apart.
fn sub_f(a: u32, b: u32) -> u32 {
  return w(f(a) - bitcast<f32>(b ^ other_zero()));
}

fn mul_f(a: u32, b: u32) -> u32 {
  let p = w(f(a) * f(b));
  if (isnan(p) && !isnan(a) && !isnan(b) && (a << 1u) != 0u && (b << 1u) != 0u) { return ((a ^ b) & 0x80000000u) | 0x7f800000u; }
  return p;
}

fn div_f(a: u32, b: u32) -> u32 {
  let eb = (b >> 23u) & 255u; let ea = (a >> 23u) & 255u;
  if (eb > 2u && eb < 250u && ea > 0u && ea < 255u) { return w(f(a) / f(b)); }
  let s = (a ^ b) & 0x80000000u; let za = (a << 1u) == 0u; let zb = (b << 1u) == 0u;
  let ia = (a << 1u) == 0xff000000u; let ib = (b << 1u) == 0xff000000u;
  if (isnan(a) || isnan(b) || (za && zb) || (ia && ib)) { return 0x7fc00000u; }
  if (za || ib) { return s; }
  if (zb || ia) { return s | 0x7f800000u; }
  let p = norm(a); let q = norm(b);
  return w(scale(p.m / q.m, p.e - q.e)) | s;
}
