// Products of two words, in two words.

fn high_product(a: u32, b: u32) -> u32 {  // the upper word of the product of two words
  let a1 = a >> 16u; let a0 = a & 0xffffu; let b1 = b >> 16u; let b0 = b & 0xffffu;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let carried = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (carried >> 16u);
}
