// log1p and tanh of float32; the polynomial near 0 is that of Cephes (Moshier 1989).

fn log1p_f(a: u32) -> u32 {  // log(u) x / (u - 1) for u = 1 + x (Goldberg 1991, theorem 4)
  let u = a & 0x7fffffffu;
  if (isnan(a) || u < 0x33000000u) { return a; }
  if (a < 0x80000000u && a > 0x4c000000u) { return log_f(a); }
  let x = f(a);
  let sum = keep(1.0f + x);
  let log_of_sum = log_f(w(sum));
  if (sum <= 0.0f) { return log_of_sum; }
  let back = keep(sum - 1.0f);
  if (w(back) << 1u == 0u) { return a; }
  return w(f(log_of_sum) * (x / back));
}

fn tanh_f(a: u32) -> u32 {
  let u = a & 0x7fffffffu;
  if (u > 0x7f800000u || u < 0x39800000u) { return a; }  // NaN, or so near 0 that it is x
  let sign = a & 0x80000000u;
  if (u > 0x41200000u) { return sign | 0x3f800000u; }  // above 10
  let x = f(u);
  if (u < 0x3f200000u) {
    let s = x * x;
    var y = -5.70498872745e-3f;
    y = y * s + 2.06390887954e-2f; y = y * s - 5.37397155531e-2f;
    y = y * s + 1.33314422036e-1f; y = y * s - 3.33332819422e-1f;
    return w(y * s * x + x) | sign;
  }
  return w(1.0f - 2.0f / (f(exp_f(w(2.0f * x))) + 1.0f)) | sign;
}
