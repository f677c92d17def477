// floor and round (half to even) of float32; the sign of a zero is kept.

fn floor_f(a: u32) -> u32 {
  let u = a & 0x7fffffffu; if (u >= 0x4b000000u || u == 0u) { return a; }
  if (u < 0x3f800000u) { return select(0u, 0xbf800000u, (a >> 31u) == 1u); }
  return w(floor(f(a)));
}

fn round_f(a: u32) -> u32 {
  let u = a & 0x7fffffffu; if (u >= 0x4b000000u || u == 0u) { return a; }
  return (w(round(f(a))) & 0x7fffffffu) | (a & 0x80000000u);
}
