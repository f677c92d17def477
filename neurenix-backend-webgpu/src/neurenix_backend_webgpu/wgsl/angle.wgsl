// sin and cos of float32: a reduction in three parts, then polynomials.

struct Angle { r: f32, j: u32 }

fn reduce_angle(u: u32) -> Angle {  // of 0 and above: r + j pi/4, j even
  if (u >= 0x46000000u) { return far_angle(u); }
  let x = bitcast<f32>(u);
  var j = u32(x * 1.27323954f); j = j + (j & 1u); let y = f32(j);
  let r = keep(keep(x - y * 0.78515625f) - y * 2.4187564849853515625e-4f) - y * 3.77489497744594108e-8f;
  return Angle(r, j & 7u);
}

fn sin_poly(x: f32) -> f32 { let q = x * x; return ((-1.9515295891e-4f * q + 8.3321608736e-3f) * q - 1.6666654611e-1f) * q * x + x; }

fn cos_poly(x: f32) -> f32 { let q = x * x; return ((2.443315711809948e-5f * q - 1.388731625493765e-3f) * q + 4.166664568298827e-2f) * q * q - 0.5f * q + 1.0f; }

fn sin_f(a: u32) -> u32 {
  let u = a & 0x7fffffffu; if (u >= 0x7f800000u) { return 0x7fc00000u; }
  if (u < 0x39000000u) { return a; }
  let g = reduce_angle(u); var s = a & 0x80000000u;
  if ((g.j & 4u) != 0u) { s = s ^ 0x80000000u; }
  return w(select(sin_poly(g.r), cos_poly(g.r), (g.j & 2u) != 0u)) ^ s;
}

fn cos_f(a: u32) -> u32 {
  let u = a & 0x7fffffffu; if (u >= 0x7f800000u) { return 0x7fc00000u; }
  let g = reduce_angle(u);
  let s = select(0u, 0x80000000u, g.j == 2u || g.j == 4u);
  return w(select(cos_poly(g.r), sin_poly(g.r), (g.j & 2u) != 0u)) ^ s;
}
