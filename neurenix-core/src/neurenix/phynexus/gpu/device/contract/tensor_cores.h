// Products of small matrices by a group of 32 lanes: d += a b, a of 16 rows, b of 8 columns, 8 words of terms deep.
//
// A word is one term in TF32, or two halves, the first one lower. Lane l has, with g = l / 4 and t = l % 4:
//   a: words (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4); b: words (t, g), (t + 4, g)
//   d: (g, 2 t), (g, 2 t + 1), (g + 8, 2 t), (g + 8, 2 t + 1)
// as "Matrix fragments for mma.m16n8k8" and m16n8k16 have it in the PTX ISA.
#pragma once

#include "numbers.h"

namespace phynexus::gpu {

// What a tensor core takes: how a value of type T becomes (part of) a word, and back.
struct Tf32Words {
  using Part = uint32_t;
  static constexpr int parts = 1;
  static DEVICE Part part(float x) { return bits_of_float(rounded_to_tf32(x)); }
  static DEVICE float value(uint32_t word, int) { return float_of_bits(word); }
};
struct BFloat16Words {
  using Part = uint16_t;
  static constexpr int parts = 2;
  static DEVICE Part part(float x) { return Narrowing<BFloat16>::of(x).bits; }
  static DEVICE float value(uint32_t word, int k) { return widened(BFloat16{uint16_t(word >> 16 * k)}); }
};
struct Float16Words {
  using Part = uint16_t;
  static constexpr int parts = 2;
  static DEVICE Part part(float x) { return Narrowing<Float16>::of(x).bits; }
  static DEVICE float value(uint32_t word, int k) { return widened(Float16{uint16_t(word >> 16 * k)}); }
};

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define PHYNEXUS_MMA(Words, form)                                                                            \
  DEVICE void multiply_words(Words, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int) {    \
    asm volatile("mma.sync.aligned." form " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                            \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                        \
  }
PHYNEXUS_MMA(Tf32Words, "m16n8k8.row.col.f32.tf32.tf32.f32")
PHYNEXUS_MMA(BFloat16Words, "m16n8k16.row.col.f32.bf16.bf16.f32")
PHYNEXUS_MMA(Float16Words, "m16n8k16.row.col.f32.f16.f16.f32")
#undef PHYNEXUS_MMA
#else
// The same by exchanges between lanes: each sum in the order of its terms, which tensor cores do not promise.
template <class Words>
DEVICE void multiply_words(Words, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int lane) {
  const int g = lane % 32 / 4, t = lane % 4, first = lane / 32 * 32;
  for (int word = 0; word < 8; word++) {
    const int half = word / 4, from_a = first + g * 4 + word % 4;
    const uint32_t above = lane_of(a[2 * half], from_a), below = lane_of(a[2 * half + 1], from_a);
    const uint32_t left = lane_of(b[half], first + 2 * t * 4 + word % 4),
                   right = lane_of(b[half], first + (2 * t + 1) * 4 + word % 4);
    for (int k = 0; k < Words::parts; k++) {
      d[0] = multiply_add(Words::value(above, k), Words::value(left, k), d[0]);
      d[1] = multiply_add(Words::value(above, k), Words::value(right, k), d[1]);
      d[2] = multiply_add(Words::value(below, k), Words::value(left, k), d[2]);
      d[3] = multiply_add(Words::value(below, k), Words::value(right, k), d[3]);
    }
  }
}
#endif

}  // namespace phynexus::gpu
