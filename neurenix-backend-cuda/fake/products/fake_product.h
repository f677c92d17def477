// A product of matrices on the host, for fake libraries of them: factors rounded as asked, sums in double.
#pragma once

#include <cstdint>
#include <cstring>

namespace phynexus::fake {

enum class Number { float32, float16, bfloat16 };
enum class Rounding { none, tf32, bfloat16 };

inline float of_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

// To bfloat16, to the nearest, of two the even one; to TF32, of two the one away from 0.
inline float rounded_to_bfloat16(float x) {
  const uint32_t bits = bits_of(x);
  return x - x != 0 ? x : of_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
}
inline float rounded_to_tf32(float x) { return x - x != 0 ? x : of_bits((bits_of(x) + 0x1000) & 0xffffe000); }

inline double read(const char* at, int64_t index, Number number, Rounding rounding) {
  if (number == Number::float32) {
    float x;
    std::memcpy(&x, at + 4 * index, sizeof x);
    return rounding == Rounding::tf32       ? rounded_to_tf32(x)
           : rounding == Rounding::bfloat16 ? rounded_to_bfloat16(x)
                                            : x;
  }
  uint16_t bits;
  std::memcpy(&bits, at + 2 * index, sizeof bits);
  if (number == Number::bfloat16) return of_bits(uint32_t(bits) << 16);
  _Float16 x;
  std::memcpy(&x, &bits, sizeof x);
  return float(x);
}

inline void write(char* at, int64_t index, Number number, float x) {
  if (number == Number::float32) {
    std::memcpy(at + 4 * index, &x, sizeof x);
  } else if (number == Number::bfloat16) {
    const uint16_t bits = uint16_t(bits_of(rounded_to_bfloat16(x)) >> 16);
    std::memcpy(at + 2 * index, &bits, sizeof bits);
  } else {
    const _Float16 half = _Float16(x);
    std::memcpy(at + 2 * index, &half, sizeof half);
  }
}

// By columns, as BLAS has matrices: c = a b, m x n, of k terms.
struct Gemm {
  Number number = Number::float32, factors = Number::float32;  // of c; of a and b
  Rounding rounding = Rounding::none;
  bool turn_a = false, turn_b = false;
  int64_t m = 0, n = 0, k = 0, batch = 1;
  const char *a = nullptr, *b = nullptr;
  char* c = nullptr;
  int64_t a_line = 0, b_line = 0, c_line = 0, a_batch = 0, b_batch = 0, c_batch = 0;
  char* workspace = nullptr;  // of the library, which it uses
  int64_t workspace_bytes = 0;

  // Whether a BLAS takes these sizes.
  bool is_valid() const {
    return m > 0 && n > 0 && k > 0 && batch > 0 && a_line >= (turn_a ? k : m) && b_line >= (turn_b ? n : k) &&
           c_line >= m;
  }
  void run() const {
    if (workspace_bytes) workspace[0] = workspace[workspace_bytes - 1] = 1;
    for (int64_t i = 0; i < batch; i++)
      for (int64_t column = 0; column < n; column++)
        for (int64_t row = 0; row < m; row++) {
          double sum = 0;
          for (int64_t t = 0; t < k; t++)
            sum += read(a, i * a_batch + (turn_a ? row * a_line + t : t * a_line + row), factors, rounding) *
                   read(b, i * b_batch + (turn_b ? t * b_line + column : column * b_line + t), factors,
                        rounding);
          write(c, i * c_batch + column * c_line + row, number, float(sum));
        }
  }
};

}  // namespace phynexus::fake
