// exp and log of float32: Cody and Waite's reduction, then a polynomial.

fn exp_f(a: u32) -> u32 {
  let x = f(a);
  let k = floor(x * 1.44269504f + 0.5f);
  let r = keep(x - k * 0.693359375f) + k * 2.12194440e-4f;
  var p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f; p = p * r + 8.3334519073e-3f; p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f; p = p * r + 5.0000001201e-1f;
  var y = w(scale(p * r * r + r + 1.0f, i32(k)));
  y = select(y, 0x7f800000u, x > 88.72284f);
  y = select(y, 0u, x < -103.97284f);
  return select(y, a, isnan(a));
}

fn log_f(a: u32) -> u32 {
  let p = norm(a); let upper = p.m > 1.41421356f;
  let m = p.m * select(1.0f, 0.5f, upper); let e = f32(p.e) + select(0.0f, 1.0f, upper);
  let x = m - 1.0f; let q = x * x;
  var y = 7.0376836292e-2f;
  y = y * x - 1.1514610310e-1f; y = y * x + 1.1676998740e-1f; y = y * x - 1.2420140846e-1f;
  y = y * x + 1.4249322787e-1f; y = y * x - 1.6668057665e-1f; y = y * x + 2.0000714765e-1f;
  y = y * x - 2.4999993993e-1f; y = y * x + 3.3333331174e-1f;
  y = y * x * q - 2.12194440e-4f * e - 0.5f * q;
  var z = w(keep(x + y) + 0.693359375f * e);
  z = select(z, 0x7fc00000u, (a >> 31u) == 1u);
  z = select(z, 0xff800000u, (a << 1u) == 0u);
  return select(z, a, isnan(a) | (a == 0x7f800000u));
}
