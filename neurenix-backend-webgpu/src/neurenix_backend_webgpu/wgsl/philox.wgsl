// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, section 3), by 16-bit digits.

fn philox(block: u32, key: vec2<u32>) -> vec4<u32> {
  var c = vec4<u32>(block, 0u, 0u, 0u);
  var k = key;
  for (var round = 0u; round < 10u; round = round + 1u) {
    c = vec4<u32>(
      high_product(c.z, 0xcd9e8d57u) ^ c.y ^ k.x, c.z * 0xcd9e8d57u,
      high_product(c.x, 0xd2511f53u) ^ c.w ^ k.y, c.x * 0xd2511f53u);
    k = k + vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
