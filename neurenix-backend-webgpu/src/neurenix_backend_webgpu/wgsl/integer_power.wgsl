// Whole powers, by squaring.

fn integer_pow_f(a: u32, exponent: i32) -> u32 {  // by squaring
  var power = 0x3f800000u;
  var square = a;
  var rest = u32(abs(exponent));
  while (rest != 0u) {
    if ((rest & 1u) == 1u) { power = mul_f(power, square); }
    rest = rest >> 1u;
    if (rest != 0u) { square = mul_f(square, square); }
  }
  if (exponent < 0) { return div_f(0x3f800000u, power); }
  return power;
}

fn integer_pow_u(a: u32, exponent: u32) -> u32 {
  var power = 1u;
  var square = a;
  var rest = exponent;
  while (rest != 0u) {
    if ((rest & 1u) == 1u) { power = power * square; }
    rest = rest >> 1u;
    square = square * square;
  }
  return power;
}
