// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, 2011): a counter and a key give four words.
#include "elementwise.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

constexpr int blocks = 16;  // counters at once, so that the compiler can use vectors

void philox(uint32_t* out, uint32_t key0, uint32_t key1, uint64_t counter) {
  uint32_t x0[blocks], x1[blocks], x2[blocks], x3[blocks];
  for (int i = 0; i < blocks; i++) {
    x0[i] = uint32_t(counter + uint64_t(i));
    x1[i] = uint32_t((counter + uint64_t(i)) >> 32);
    x2[i] = x3[i] = 0;
  }
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < blocks; i++) {
      const uint64_t p0 = uint64_t(0xD2511F53u) * x0[i], p1 = uint64_t(0xCD9E8D57u) * x2[i];
      x0[i] = uint32_t(p1 >> 32) ^ x1[i] ^ key0;
      x1[i] = uint32_t(p1);
      x2[i] = uint32_t(p0 >> 32) ^ x3[i] ^ key1;
      x3[i] = uint32_t(p0);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  for (int i = 0; i < blocks; i++) {
    out[4 * i] = x0[i];
    out[4 * i + 1] = x1[i];
    out[4 * i + 2] = x2[i];
    out[4 * i + 3] = x3[i];
  }
}

}  // namespace

// Elements first .. first + count - 1 of the stream.
void random_bits(uint32_t* out, const uint32_t* key, int64_t first, int64_t count) {
  uint32_t words[4 * blocks];
  const uint32_t key0 = key[0], key1 = key[1];
  while (count > 0) {
    const int64_t skip = first % 4;
    philox(words, key0, key1, uint64_t(first / 4));
    const int64_t here = 4 * blocks - skip < count ? 4 * blocks - skip : count;
    std::memcpy(out, words + skip, size_t(here) * 4);
    out += here;
    first += here;
    count -= here;
  }
}

}  // namespace phynexus::PHYNEXUS_ISA
