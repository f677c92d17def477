// Angles of float32 from 8192 on, reduced without loss (Payne and Hanek 1983).

fn two_over_pi(i: u32) -> u32 {  // its bits, 32 at a time, behind 32 zeros
  switch (i) {
    case 1u: { return 0xa2f9836eu; }
    case 2u: { return 0x4e441529u; }
    case 3u: { return 0xfc2757d1u; }
    case 4u: { return 0xf534ddc0u; }
    case 5u: { return 0xdb629599u; }
    case 6u: { return 0x3c439041u; }
    default: { return 0u; }
  }
}

fn far_angle(u: u32) -> Angle {  // from 8192 on (Payne and Hanek 1983)
  let place = (u >> 23u) - 128u;
  let i = place >> 5u;
  let s = place & 31u;
  var high = two_over_pi(i); var middle = two_over_pi(i + 1u); var low = two_over_pi(i + 2u);
  if (s != 0u) {
    high = (high << s) | (middle >> (32u - s));
    middle = (middle << s) | (low >> (32u - s));
    low = (low << s) | (two_over_pi(i + 3u) >> (32u - s));
  }
  let m = (u << 8u) | 0x80000000u;
  // a whole number of quarter turns in the upper two of 64 bits, the fraction below
  let carried = high_product(m, low);
  var p0 = m * middle + carried;
  var p1 = m * high + high_product(m, middle) + select(0u, 1u, p0 < carried);
  var quarter = p1 >> 30u;
  p1 = p1 & 0x3fffffffu;
  let beyond = (p1 & 0x20000000u) != 0u;
  if (beyond) {  // nearer to the next one, and negative from there
    p0 = 0u - p0;
    p1 = 0x40000000u - p1 - select(0u, 1u, p0 != 0u);
    quarter = quarter + 1u;
  }
  let empty = select(countLeadingZeros(p1), 32u + countLeadingZeros(p0), p1 == 0u);
  var top = p0 << (empty & 31u);
  if (empty < 32u) { top = p1 << empty; if (empty != 0u) { top = top | (p0 >> (32u - empty)); } }
  let size = f32(top >> 8u) * pow2(-22 - i32(min(empty, 63u))) * 1.57079633f;
  return Angle(select(size, -size, beyond), (2u * quarter) & 7u);
}
