// Values smaller than a word: bytes and halves lie side by side in memory. `merge` replaces the bits
// of a mask, whatever other invocations do to the rest of the word.

fn load_byte(at: u32, e: u32) -> u32 { return (load(at + (e >> 2u)) >> ((e & 3u) * 8u)) & 255u; }

fn store_byte(at: u32, e: u32, x: u32) {
  let s = (e & 3u) * 8u;
  merge(at + (e >> 2u), 255u << s, (x & 255u) << s);
}

fn load_half(at: u32, e: u32) -> u32 {
  return float_of_half((load(at + (e >> 1u)) >> ((e & 1u) * 16u)) & 0xffffu);
}

fn store_half(at: u32, e: u32, x: u32) {
  let s = (e & 1u) * 16u;
  merge(at + (e >> 1u), 0xffffu << s, half_of_float(x) << s);
}
