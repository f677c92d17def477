// The words of a chain, and the operations whose code is long: a loop over the elements, where others are unrolled.
// They are inlined all the same: an interpreter that called functions would keep its own state in memory.
#pragma once

#include "code.h"
#include "operations.h"

namespace phynexus::gpu {

// Narrow chains hold values in 32 bits, 4 elements a thread; wide ones, which have 64-bit dtypes, in 64 bits, 2
// elements.
struct NarrowWords {
  using Word = uint32_t;
  static constexpr int elements = 4;
  static constexpr bool wide = false;
};
struct WideWords {
  using Word = uint64_t;
  static constexpr int elements = 2;
  static constexpr bool wide = true;
};

template <class T, class Word>
DEVICE T value_of(Word word) {
  if constexpr (sizeof(T) == 8) return same_bits<T>(uint64_t(word));
  else return same_bits<T>(uint32_t(word));
}
template <class Word, class T>
DEVICE Word word_of(T value) {
  if constexpr (sizeof(T) == 8) return Word(same_bits<uint64_t>(value));
  else if constexpr (sizeof(T) == 4) return Word(same_bits<uint32_t>(value));
  else return Word(value);
}

DEVICE constexpr bool is_long(int code) {
  const int opcode = code & 63, kind = code >> 6;
  if (kind >= kind_other) return false;
  if (opcode == op_integer_pow || opcode == op_remainder) return true;
  if (kind != kind_float && kind != kind_double) return false;
  const bool always =
      (opcode >= op_log1p && opcode <= op_atan) || opcode == op_erf || opcode == op_pow || opcode == op_atan2;
  return always || (kind == kind_double && (opcode == op_exp || opcode == op_log || opcode == op_tanh));
}

// clang-format off
#define EACH(T, expression)                                     \
  ROLLED for (int j = 0; j < Words::elements; j++) {            \
    const T a = value_of<T>(x[j]), b = value_of<T>(y[j]);       \
    (void)b;                                                    \
    x[j] = word_of<Word>(expression);                           \
  }                                                             \
  break;
#define NUMBERS(kind, T)                                                                        \
  case (int(kind) << 6 | int(op_remainder)): EACH(T, op::remainder(a, b))                       \
  case (int(kind) << 6 | int(op_integer_pow)): EACH(T, op::integer_power(a, immediate))
#define REALS(kind, T)                                                                          \
  NUMBERS(kind, T)                                                                              \
  case (int(kind) << 6 | int(op_log1p)): EACH(T, op::logarithm_1p(a))                           \
  case (int(kind) << 6 | int(op_sin)): EACH(T, op::sine(a))                                     \
  case (int(kind) << 6 | int(op_cos)): EACH(T, op::cosine(a))                                   \
  case (int(kind) << 6 | int(op_tan)): EACH(T, op::tangent(a))                                  \
  case (int(kind) << 6 | int(op_atan)): EACH(T, op::arc_tangent(a))                             \
  case (int(kind) << 6 | int(op_erf)): EACH(T, op::error_function(a))                           \
  case (int(kind) << 6 | int(op_pow)): EACH(T, op::power(a, b))                                 \
  case (int(kind) << 6 | int(op_atan2)): EACH(T, op::angle(a, b))

// The results take the place of x.
template <class Words>
DEVICE void long_operation(int code, int64_t immediate, typename Words::Word* x, const typename Words::Word* y) {
  using Word = typename Words::Word;
  switch (code) {
    REALS(kind_float, float)
    NUMBERS(kind_int, int32_t)
    NUMBERS(kind_unsigned, uint32_t)
    default:
      if constexpr (Words::wide) switch (code) {
        REALS(kind_double, double)
        NUMBERS(kind_long, int64_t)
        case (int(kind_double) << 6 | int(op_exp)): EACH(double, op::exponential(a))
        case (int(kind_double) << 6 | int(op_log)): EACH(double, op::logarithm(a))
        case (int(kind_double) << 6 | int(op_tanh)): EACH(double, op::hyperbolic_tangent(a))
      }
  }
}
#undef EACH
#undef NUMBERS
#undef REALS
// clang-format on

}  // namespace phynexus::gpu
