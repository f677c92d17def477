// tan, and the angles of a slope and of a point.

fn tan_f(a: u32) -> u32 {
  if ((a & 0x7fffffffu) < 0x39000000u) { return a; }
  return div_f(sin_f(a), cos_f(a));
}

fn arc_of_fraction(x: f32) -> f32 {  // of 0 .. 1
  var t = x;
  var start = 0.0f;
  if (x > 0.41421356f) { t = (x - 1.0f) / (x + 1.0f); start = 0.785398163f; }
  let z = t * t;
  return start + ((((8.05374449538e-2f * z - 1.38776856032e-1f) * z + 1.99777106478e-1f) * z - 3.33329491539e-1f) * z * t + t);
}

fn atan_f(a: u32) -> u32 {
  let u = a & 0x7fffffffu;
  if (u > 0x7f800000u || u < 0x39000000u) { return a; }
  let sign = a & 0x80000000u;
  if (u <= 0x3f800000u) { return w(arc_of_fraction(f(u))) | sign; }
  return w(1.57079633f - arc_of_fraction(f(div_f(0x3f800000u, u)))) | sign;
}

fn atan2_f(a: u32, b: u32) -> u32 {  // the angle of (b, a); the signs of zeros count
  if (isnan(a) || isnan(b)) { return 0x7fc00000u; }
  let high = a & 0x7fffffffu; let wide = b & 0x7fffffffu;
  let long = max(high, wide); let short = min(high, wide);
  var ratio = 0u;
  if (short == 0x7f800000u) { ratio = 0x3f800000u; } else if (short != 0u) { ratio = div_f(short, long); }
  let behind = (b >> 31u) == 1u;
  let sign = a & 0x80000000u;
  if (high <= wide && ratio < 0x39000000u && !behind) { return ratio | sign; }
  var angle = arc_of_fraction(f(ratio));
  if (high > wide) { angle = 1.57079633f - angle; }
  if (behind) { angle = 3.14159265f - angle; }
  return w(angle) | sign;
}
