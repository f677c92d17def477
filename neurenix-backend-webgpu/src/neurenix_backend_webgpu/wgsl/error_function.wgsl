// erf of float32: a polynomial up to 1, one less its complement beyond (Cephes, Moshier 1989).

fn erf_f(a: u32) -> u32 {
  let u = a & 0x7fffffffu;
  if (u > 0x7f800000u) { return a; }
  let sign = a & 0x80000000u;
  if (u > 0x40800000u) { return sign | 0x3f800000u; }  // above 4
  let x = f(u);
  let z = x * x;
  if (u < 0x3f800000u) {
    var y = 7.853861353153693e-5f;
    y = y * z - 8.010193625184903e-4f; y = y * z + 5.188327685732524e-3f;
    y = y * z - 2.685381193529856e-2f; y = y * z + 1.128358514861418e-1f;
    y = y * z - 3.761262582423300e-1f; y = y * z + 1.128379165726710f;
    return w(y * x) | sign;
  }
  let q = 1.0f / x;
  let s = q * q;
  var p = 0.0f;
  if (u < 0x40000000u) {
    p = 2.326819970068386e-2f;
    p = p * s - 1.387039388740657e-1f; p = p * s + 3.687424674597105e-1f;
    p = p * s - 5.824733027278666e-1f; p = p * s + 6.210004621745983e-1f;
    p = p * s - 4.944515323274145e-1f; p = p * s + 3.404879937665872e-1f;
    p = p * s - 2.741127028184656e-1f; p = p * s + 5.638259427386472e-1f;
  } else {
    p = -1.047766399936249e+1f;
    p = p * s + 1.297719955372516e+1f; p = p * s - 7.495518717768503f;
    p = p * s + 2.921019019210786f; p = p * s - 1.015265279202700f;
    p = p * s + 4.218463358204948e-1f; p = p * s - 2.820767439740514e-1f;
    p = p * s + 5.641895067754075e-1f;
  }
  return w(1.0f - f(exp_f(w(-z))) * q * p) | sign;
}
