// log1p and tanh of float32; the polynomial near 0 is that of Cephes (Moshier 1989).

fn log1p_f(a: u32) -> u32 {  // log(u) x / (u - 1) for u = 1 + x (Goldberg 1991, theorem 4)
  let u = a & 0x7fffffffu;
  let large = (a < 0x80000000u) & (a > 0x4c000000u);
  let x = f(a);
  let sum = keep(1.0f + x);
  let back = keep(sum - 1.0f);
  let log_of_sum = log_f(select(w(sum), a, large));
  var y = w(f(log_of_sum) * (x / back));
  y = select(y, a, (w(back) << 1u) == 0u);
  y = select(y, log_of_sum, large | (sum <= 0.0f));
  return select(y, a, isnan(a) | (u < 0x33000000u));
}

fn tanh_f(a: u32) -> u32 {
  let u = a & 0x7fffffffu;
  let x = f(u); let s = x * x;
  var y = -5.70498872745e-3f;
  y = y * s + 2.06390887954e-2f; y = y * s - 5.37397155531e-2f;
  y = y * s + 1.33314422036e-1f; y = y * s - 3.33332819422e-1f;
  let near = w(y * s * x + x);
  let far = w(1.0f - 2.0f / (f(exp_f(w(2.0f * x))) + 1.0f));
  var z = select(far, near, u < 0x3f200000u);
  z = select(z, 0x3f800000u, u > 0x41200000u) | (a & 0x80000000u);  // above 10
  return select(z, a, (u > 0x7f800000u) | (u < 0x39800000u));  // NaN, or so near 0 that it is x
}
