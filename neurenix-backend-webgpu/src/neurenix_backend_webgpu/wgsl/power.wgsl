// pow of float32, all cases of C99; after fdlibm's e_powf.c (Sun Microsystems, 1993).

fn hi(x: f32) -> f32 { return f(w(x) & 0xfffff000u); }

fn pow_f(a: u32, b: u32) -> u32 {
  let ix = a & 0x7fffffffu; let iy = b & 0x7fffffffu;
  if (iy == 0u || a == 0x3f800000u) { return 0x3f800000u; }
  if (isnan(a) || isnan(b)) { return 0x7fc00000u; }
  var whole = 0u;  // 1: odd, 2: even
  if (iy >= 0x4b800000u) { whole = 2u; } else if (iy >= 0x3f800000u) {
    let k = (iy >> 23u) - 127u; let j = (iy & 0x7fffffu) | 0x800000u; let t = 23u - min(k, 23u);
    if (k <= 23u) { if (((j >> t) << t) == j) { whole = 2u - ((j >> t) & 1u); } } else { whole = 2u; }
  }
  let negative = (a >> 31u) == 1u; let down = (b >> 31u) == 1u;
  let s = select(0u, 0x80000000u, negative && whole == 1u);
  if (iy == 0x7f800000u) { if (ix == 0x3f800000u) { return 0x3f800000u; } return select(0u, 0x7f800000u, (ix > 0x3f800000u) != down); }
  if (ix == 0u || ix == 0x7f800000u) { return s | select(0u, 0x7f800000u, (ix == 0u) == down); }
  if (negative && whole == 0u) { return 0x7fc00000u; }
  // log2|a| = t1 + t2, after fdlibm's e_powf.c
  var x = ix; var n = 0;
  if (x < 0x00800000u) { let k = countLeadingZeros(x) - 8u; x = x << k; n = 1 - i32(k) - 127; } else { n = i32(x >> 23u) - 127; }
  let j = x & 0x7fffffu; var k = 0u; x = j | 0x3f800000u;
  if (j > 0x1cc471u) { if (j < 0x5db3d7u) { k = 1u; } else { n = n + 1; x = x - 0x00800000u; } }
  let ax = f(x); let bp = select(1.0f, 1.5f, k == 1u);
  var u = ax - bp; var v = 1.0f / (ax + bp); let ss = u * v; let s_h = hi(ss);
  let t_h0 = f((((x >> 1u) & 0xfffff000u) | 0x20000000u) + 0x00400000u + (k << 21u));
  let t_l0 = ax - keep(t_h0 - bp);
  let s_l = v * (keep(u - s_h * t_h0) - s_h * t_l0);
  var s2 = ss * ss;
  var r = s2 * s2 * (6.0000002384e-01f + s2 * (4.2857143283e-01f + s2 * (3.3333334327e-01f + s2 * (2.7272811532e-01f + s2 * (2.3066075146e-01f + s2 * 2.0697501302e-01f)))));
  r = r + s_l * (s_h + ss); s2 = s_h * s_h;
  let t_h = hi(3.0f + s2 + r); let t_l = r - keep(keep(t_h - 3.0f) - s2);
  u = s_h * t_h; v = s_l * t_h + t_l * ss;
  let ph = hi(u + v); let pl = v - keep(ph - u);
  let z_h = 9.6191406250e-01f * ph; let z_l = -1.1736857402e-04f * ph + pl * 9.6179670095e-01f + select(0.0f, 1.56322085e-06f, k == 1u);
  let dp = select(0.0f, 5.84960938e-01f, k == 1u); let tn = f32(n);
  let t1 = hi(keep(keep(z_h + z_l) + dp) + tn);
  let t2 = z_l - keep(keep(keep(t1 - tn) - dp) - z_h);
  let y = f(b); let y1 = hi(y);
  let p_l = keep(y - y1) * t1 + y * t2; let p_h = y1 * t1; let zz = p_l + p_h;
  if (zz > 128.0f || (zz == 128.0f && p_l + 4.2995665694e-08f > keep(zz - p_h))) { return s | 0x7f800000u; }
  if (zz < -150.0f) { return s; }
  let e = floor(zz + 0.5f); let q_h = keep(p_h - e);
  let t = f(w(p_l + q_h) & 0xffff8000u);
  let uu = t * 6.93145752e-01f; let vv = (p_l - keep(t - q_h)) * 6.9314718246e-01f + t * 1.42860654e-06f;
  let g = uu + vv; let ww = vv - keep(g - uu); let gg = g * g;
  let c1 = g - gg * (1.6666667163e-01f + gg * (-2.7777778450e-03f + gg * (6.6137559770e-05f + gg * (-1.6533901999e-06f + gg * 4.1381369442e-08f))));
  let rr = (g * c1) / (c1 - 2.0f) - (ww + g * ww);
  return w(scale(1.0f - (rr - g), i32(e))) | s;
}
