// float16 in memory, float32 in registers; by bits, as packing flushes, or forgets infinity.

fn float_of_half(h: u32) -> u32 {
  let s = (h & 0x8000u) << 16u;
  let u = h & 0x7fffu;
  if (u >= 0x7c00u) { return s | 0x7f800000u | ((u & 0x3ffu) << 13u); }
  if (u >= 0x400u) { return s | ((u << 13u) + 0x38000000u); }
  if (u == 0u) { return s; }
  let k = countLeadingZeros(u) - 21u;  // a denormal
  return s | ((113u - k) << 23u) | (((u << k) & 0x3ffu) << 13u);
}

fn half_of_float(a: u32) -> u32 {  // halves to even
  let s = (a >> 16u) & 0x8000u;
  let u = a & 0x7fffffffu;
  if (u > 0x7f800000u) { return s | 0x7e00u; }
  if (u >= 0x477ff000u) { return s | 0x7c00u; }
  if (u >= 0x38800000u) {
    let r = u - 0x38000000u;
    return s | ((r + 0xfffu + ((r >> 13u) & 1u)) >> 13u);
  }
  if (u < 0x33000000u) { return s; }
  let k = 126u - (u >> 23u);
  let m = (u & 0x7fffffu) | 0x800000u;
  let below = (1u << (k - 1u)) - 1u;
  return s | ((m + below + ((m >> k) & 1u)) >> k);
}

fn rounded_to_half(a: u32) -> u32 { return float_of_half(half_of_float(a)); }
