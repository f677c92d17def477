// The four operations of float32, where WGSL leaves infinities and subnormals open.
// Cases are told apart without branches, here and where a function is frequent: a lane
// computes all of them anyway, and SwiftShader takes minutes to compile a loop with many.

fn add_f(a: u32, b: u32) -> u32 { return w(f(a) + f(b)); }

// x - x of one register is not 0 where x is NaN or infinite: the two go apart.
fn sub_f(a: u32, b: u32) -> u32 {
  return w(f(a) - bitcast<f32>(b ^ other_zero()));
}

fn mul_f(a: u32, b: u32) -> u32 {
  let p = w(f(a) * f(b));
  let infinite = isnan(p) & !isnan(a) & !isnan(b) & ((a << 1u) != 0u) & ((b << 1u) != 0u);
  return select(p, ((a ^ b) & 0x80000000u) | 0x7f800000u, infinite);
}

fn div_f(a: u32, b: u32) -> u32 {
  let eb = (b >> 23u) & 255u; let ea = (a >> 23u) & 255u;
  if ((eb > 2u) & (eb < 250u) & (ea > 0u) & (ea < 255u)) { return w(f(a) / f(b)); }
  let s = (a ^ b) & 0x80000000u; let za = (a << 1u) == 0u; let zb = (b << 1u) == 0u;
  let ia = (a << 1u) == 0xff000000u; let ib = (b << 1u) == 0xff000000u;
  let p = norm(a); let q = norm(b);
  var y = w(scale(p.m / q.m, p.e - q.e)) | s;
  y = select(y, s | 0x7f800000u, zb | ia);
  y = select(y, s, za | ib);
  return select(y, 0x7fc00000u, isnan(a) | isnan(b) | (za & zb) | (ia & ib));
}
