// Interprets one operation of a fused chain for the elements of a thread's run.
#pragma once

#include "operations.h"
#include "walk.h"

namespace phynexus::gpu {

// Narrow chains hold values in 32 bits, 4 elements a thread; wide ones, which have 64-bit dtypes, in 64 bits, 2 elements.
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

template <class Words>
struct Machine {
  using Word = typename Words::Word;
  static constexpr int N = Words::elements;

  const ChainOperand* operands;
  char* const* bases;
  int64_t indices[max_walk_axes];
  int axes;
  int present;  // how many elements of the run there are
  Word accumulator[N];
  Word slots[max_slots][N];

  DEVICE char* address(const ChainOperand& operand) const {
    return bases[operand.at.base] + offset_of(operand, axes, indices);
  }
  DEVICE void fetch(int place, Word* into) const {
    if (place == slot_none) return;
#pragma unroll
    for (int j = 0; j < N; j++) into[j] = place == slot_accumulator ? accumulator[j] : slots[place][j];
  }
  DEVICE void keep(const Code& code, const Word* result);
  DEVICE void run(const Code& code);
};

template <class Words>
DEVICE void Machine<Words>::keep(const Code& code, const Word* result) {
  if (!(code.flags & flag_keep))
#pragma unroll
    for (int j = 0; j < N; j++) accumulator[j] = result[j];
  if (code.to == slot_none) return;
  const int count = code.flags & flag_present ? present : N;
#pragma unroll
  for (int j = 0; j < N; j++)
    if (j < count) slots[code.to][j] = result[j];
}

// clang-format off
#define PHX_EACH(expression) \
  _Pragma("unroll") for (int j = 0; j < N; j++) r[j] = word_of<Word>(expression); break;
#define PHX_A(T) value_of<T>(x[j])
#define PHX_B(T) value_of<T>(y[j])
#define PHX_NUMBERS(kind, T)                                                              \
  case (kind << 6 | PHX_NEG): PHX_EACH(op::negate(PHX_A(T)))                             \
  case (kind << 6 | PHX_ABS): PHX_EACH(op::absolute(PHX_A(T)))                           \
  case (kind << 6 | PHX_SIGN): PHX_EACH(op::sign(PHX_A(T)))                              \
  case (kind << 6 | PHX_INTEGER_POW): PHX_EACH(op::integer_power(PHX_A(T), code.immediate)) \
  case (kind << 6 | PHX_ADD): PHX_EACH(op::add(PHX_A(T), PHX_B(T)))                      \
  case (kind << 6 | PHX_SUB): PHX_EACH(op::subtract(PHX_A(T), PHX_B(T)))                 \
  case (kind << 6 | PHX_MUL): PHX_EACH(op::multiply(PHX_A(T), PHX_B(T)))                 \
  case (kind << 6 | PHX_REMAINDER): PHX_EACH(op::remainder(PHX_A(T), PHX_B(T)))     \
  case (kind << 6 | PHX_MAXIMUM): PHX_EACH(op::maximum(PHX_A(T), PHX_B(T)))              \
  case (kind << 6 | PHX_MINIMUM): PHX_EACH(op::minimum(PHX_A(T), PHX_B(T)))              \
  case (kind << 6 | PHX_EQUAL): PHX_EACH(uint32_t(PHX_A(T) == PHX_B(T)))                 \
  case (kind << 6 | PHX_NOT_EQUAL): PHX_EACH(uint32_t(PHX_A(T) != PHX_B(T)))             \
  case (kind << 6 | PHX_LESS): PHX_EACH(uint32_t(PHX_A(T) < PHX_B(T)))                   \
  case (kind << 6 | PHX_LESS_EQUAL): PHX_EACH(uint32_t(PHX_A(T) <= PHX_B(T)))            \
  case (kind << 6 | PHX_GREATER): PHX_EACH(uint32_t(PHX_A(T) > PHX_B(T)))                \
  case (kind << 6 | PHX_GREATER_EQUAL): PHX_EACH(uint32_t(PHX_A(T) >= PHX_B(T)))         \
  case code_first_largest + kind: first_largest<Words, T>(code, x, y, slots, present); return;
#define PHX_REALS(kind, T)                                                                \
  PHX_NUMBERS(kind, T)                                                                    \
  case (kind << 6 | PHX_FLOOR): PHX_EACH(op::floor_of(PHX_A(T)))                         \
  case (kind << 6 | PHX_ROUND): PHX_EACH(op::round_of(PHX_A(T)))                         \
  case (kind << 6 | PHX_EXP): PHX_EACH(op::exponential(PHX_A(T)))                        \
  case (kind << 6 | PHX_LOG): PHX_EACH(op::logarithm(PHX_A(T)))                          \
  case (kind << 6 | PHX_TANH): PHX_EACH(op::hyperbolic_tangent(PHX_A(T)))                \
  case (kind << 6 | PHX_SQRT): PHX_EACH(op::root(PHX_A(T)))                              \
  case (kind << 6 | PHX_RSQRT): PHX_EACH(op::inverse_root(PHX_A(T)))                     \
  case (kind << 6 | PHX_LOG1P): PHX_EACH(op::logarithm_1p(PHX_A(T)))                \
  case (kind << 6 | PHX_SIN): PHX_EACH(op::sine(PHX_A(T)))                          \
  case (kind << 6 | PHX_COS): PHX_EACH(op::cosine(PHX_A(T)))                        \
  case (kind << 6 | PHX_TAN): PHX_EACH(op::tangent(PHX_A(T)))                       \
  case (kind << 6 | PHX_ATAN): PHX_EACH(op::arc_tangent(PHX_A(T)))                  \
  case (kind << 6 | PHX_ERF): PHX_EACH(op::error_function(PHX_A(T)))                \
  case (kind << 6 | PHX_POW): PHX_EACH(op::power(PHX_A(T), PHX_B(T)))               \
  case (kind << 6 | PHX_ATAN2): PHX_EACH(op::angle(PHX_A(T), PHX_B(T)))             \
  case (kind << 6 | PHX_DIV): PHX_EACH(op::divide(PHX_A(T), PHX_B(T)))                   \
  case (kind << 6 | PHX_IS_FINITE): PHX_EACH(uint32_t(op::finite(PHX_A(T))))
#define PHX_BITS(kind, T)                                                                 \
  case (kind << 6 | PHX_BITWISE_AND): PHX_EACH(PHX_A(T) & PHX_B(T))                      \
  case (kind << 6 | PHX_BITWISE_OR): PHX_EACH(PHX_A(T) | PHX_B(T))                       \
  case (kind << 6 | PHX_BITWISE_XOR): PHX_EACH(PHX_A(T) ^ PHX_B(T))                      \
  case (kind << 6 | PHX_SHIFT_LEFT): PHX_EACH(op::shift_left(PHX_A(T), PHX_B(T)))        \
  case (kind << 6 | PHX_SHIFT_RIGHT): PHX_EACH(op::shift_right(PHX_A(T), PHX_B(T)))
#define PHX_CAST(name, From, expression) \
  case name: PHX_EACH([](From v) { return expression; }(PHX_A(From)))
#define PHX_LOAD(name, T, expression)                                                     \
  case name: {                                                                            \
    const ChainOperand& operand = operands[code.c];                                       \
    load_run<N, T>(address(operand), operand.run_stride, present, [&](int j, T v) { r[j] = word_of<Word>(expression); }); \
    break;                                                                                \
  }
#define PHX_STORE(name, T, expression)                                                    \
  case name: {                                                                            \
    const ChainOperand& operand = operands[code.c];                                       \
    store_run<N, T>(address(operand), operand.run_stride, present, [&](int j) { return T(expression); }); \
    return;                                                                               \
  }

template <class Words, class T>
DEVICE void first_largest(const Code& code, const typename Words::Word* x, const typename Words::Word* place,
                          typename Words::Word (*slots)[Words::elements], int present) {
  using Word = typename Words::Word;
  const int count = code.flags & flag_present ? present : Words::elements;
#pragma unroll
  for (int j = 0; j < Words::elements; j++) {
    Word &best = slots[code.to][j], &best_place = slots[code.to + 1][j];
    if (j < count && op::comes_first(value_of<T>(x[j]), int64_t(place[j]), value_of<T>(best), int64_t(best_place)))
      best = x[j], best_place = place[j];
  }
}

template <class Words>
DEVICE void Machine<Words>::run(const Code& code) {
  Word x[N] = {}, y[N] = {}, r[N] = {};
  fetch(code.a, x);
  fetch(code.b, y);
  switch (code.code) {
    PHX_REALS(kind_float, float)
    PHX_NUMBERS(kind_int, int32_t)
    PHX_BITS(kind_int, int32_t)
    PHX_NUMBERS(kind_unsigned, uint32_t)
    PHX_BITS(kind_unsigned, uint32_t)
    case (kind_unsigned << 6 | PHX_LOGICAL_NOT): PHX_EACH(PHX_A(uint32_t) ^ 1u)
    case code_move: PHX_EACH(x[j])
    case code_constant: PHX_EACH(Word(code.immediate))
    case code_where: {
      Word z[N];
      fetch(code.c, z);
      PHX_EACH(uint32_t(x[j]) ? y[j] : z[j])
    }
    case code_position: {
      const ChainOperand& operand = operands[code.c];
      const int64_t first = offset_of(operand, axes, indices);
      PHX_EACH(Word(first + j * operand.run_stride))
    }
    case code_fold: PHX_EACH(code.immediate == 1 ? x[j ^ 1] : x[(j ^ 2) & (N - 1)])
    case code_shuffle: PHX_EACH(j < code.c ? lane_xor(x[j], int(code.immediate)) : x[j])
    PHX_LOAD(code_load_8, uint8_t, uint32_t(v))
    PHX_LOAD(code_load_16, uint16_t, uint32_t(v))
    PHX_LOAD(code_load_float16, uint16_t, float_of_float16(v))
    PHX_LOAD(code_load_bfloat16, uint16_t, float_of_bfloat16(v))
    PHX_LOAD(code_load_32, uint32_t, v)
    PHX_STORE(code_store_8, uint8_t, x[j])
    PHX_STORE(code_store_16, uint16_t, x[j])
    PHX_STORE(code_store_float16, uint16_t, float16_of(PHX_A(float)))
    PHX_STORE(code_store_bfloat16, uint16_t, bfloat16_of(PHX_A(float)))
    PHX_STORE(code_store_32, uint32_t, x[j])
    PHX_CAST(code_int_to_float, int32_t, float(v))
    PHX_CAST(code_unsigned_to_float, uint32_t, float(v))
    PHX_CAST(code_float_to_int, float, integer_of<int32_t>(v))
    PHX_CAST(code_float_to_unsigned, float, integer_of<uint32_t>(v))
    PHX_CAST(code_float_to_uint8, float, uint32_t(integer_of<uint8_t>(v)))
    PHX_CAST(code_float_to_bool, float, uint32_t(v != 0))
    PHX_CAST(code_unsigned_to_bool, uint32_t, uint32_t(v != 0))
    PHX_CAST(code_float16_bits, float, uint32_t(float16_of(v)))
    PHX_CAST(code_bfloat16_bits, float, uint32_t(bfloat16_of(v)))
    PHX_CAST(code_float_of_float16_bits, uint32_t, float_of_float16(uint16_t(v)))
    PHX_CAST(code_float_of_bfloat16_bits, uint32_t, float_of_bfloat16(uint16_t(v)))
    default:
      if constexpr (Words::wide) switch (code.code) {
        PHX_REALS(kind_double, double)
        PHX_NUMBERS(kind_long, int64_t)
        PHX_BITS(kind_long, int64_t)
        PHX_LOAD(code_load_64, uint64_t, v)
        PHX_STORE(code_store_64, uint64_t, x[j])
        PHX_CAST(code_double_to_float, double, float(v))
        PHX_CAST(code_double_to_odd_float, double, float_to_odd(v))
        PHX_CAST(code_double_to_int, double, integer_of<int32_t>(v))
        PHX_CAST(code_double_to_unsigned, double, integer_of<uint32_t>(v))
        PHX_CAST(code_double_to_uint8, double, uint32_t(integer_of<uint8_t>(v)))
        PHX_CAST(code_double_to_long, double, integer_of<int64_t>(v))
        PHX_CAST(code_double_to_bool, double, uint32_t(v != 0))
        PHX_CAST(code_float_to_double, float, double(v))
        PHX_CAST(code_int_to_double, int32_t, double(v))
        PHX_CAST(code_unsigned_to_double, uint32_t, double(v))
        PHX_CAST(code_long_to_double, int64_t, double(v))
        PHX_CAST(code_long_to_float, int64_t, float(v))
        PHX_CAST(code_long_to_bool, int64_t, uint32_t(v != 0))
        PHX_CAST(code_float_to_long, float, integer_of<int64_t>(v))
        PHX_CAST(code_int_to_long, int32_t, int64_t(v))
        PHX_CAST(code_unsigned_to_long, uint32_t, int64_t(v))
      }
  }
  if (code.finish == finish_float16) {
#pragma unroll
    for (int j = 0; j < N; j++) r[j] = word_of<Word>(as_float16(value_of<float>(r[j])));
  } else if (code.finish == finish_bfloat16) {
#pragma unroll
    for (int j = 0; j < N; j++) r[j] = word_of<Word>(as_bfloat16(value_of<float>(r[j])));
  } else if (code.finish == finish_uint8) {
#pragma unroll
    for (int j = 0; j < N; j++) r[j] &= Word(0xff);
  }
  keep(code, r);
}
#undef PHX_EACH
#undef PHX_A
#undef PHX_B
#undef PHX_NUMBERS
#undef PHX_REALS
#undef PHX_BITS
#undef PHX_CAST
#undef PHX_LOAD
#undef PHX_STORE
// clang-format on

}  // namespace phynexus::gpu
