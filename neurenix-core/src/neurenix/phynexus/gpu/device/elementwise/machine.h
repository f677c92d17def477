// Interprets one operation of a fused chain for the elements of a thread's run.
#pragma once

#include "long_operations.h"
#include "walk.h"

namespace phynexus::gpu {

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
    UNROLL
    for (int j = 0; j < N; j++) into[j] = place == slot_accumulator ? accumulator[j] : slots[place][j];
  }
  DEVICE void keep(const Code& code, const Word* result);
  DEVICE void run(const Code& code);
  // The same for a code whose number and finish the compiler knows: code that is made at run time.
  template <int number, int finish>
  DEVICE void run_known(int flags, int a, int b, int c, int to, int64_t immediate);
  DEVICE void round(int finish, Word* result) const;
};

template <class Words>
DEVICE void Machine<Words>::keep(const Code& code, const Word* result) {
  if (!(code.flags & flag_keep)) {
    UNROLL
    for (int j = 0; j < N; j++) accumulator[j] = result[j];
  }
  if (code.to == slot_none) return;
  const int count = code.flags & flag_present ? present : N;
  UNROLL
  for (int j = 0; j < N; j++)
    if (j < count) slots[code.to][j] = result[j];
}

// Operations as a list of CASE(number) { ... END }: one switch for the interpreter, and for a number that is known the
// one case that it is.
//
// clang-format off
#define EACH(number, expression) \
  CASE(number) { UNROLL for (int j = 0; j < N; j++) r[j] = word_of<Word>(expression); END }
#define A(T) value_of<T>(x[j])
#define B(T) value_of<T>(y[j])
#define NUMBERS(kind, T)                                                                    \
  EACH((int(kind) << 6 | int(op_neg)), op::negate(A(T)))                               \
  EACH((int(kind) << 6 | int(op_abs)), op::absolute(A(T)))                             \
  EACH((int(kind) << 6 | int(op_sign)), op::sign(A(T)))                                \
  EACH((int(kind) << 6 | int(op_add)), op::add(A(T), B(T)))                            \
  EACH((int(kind) << 6 | int(op_sub)), op::subtract(A(T), B(T)))                       \
  EACH((int(kind) << 6 | int(op_mul)), op::multiply(A(T), B(T)))                       \
  EACH((int(kind) << 6 | int(op_maximum)), op::maximum(A(T), B(T)))                    \
  EACH((int(kind) << 6 | int(op_minimum)), op::minimum(A(T), B(T)))                    \
  EACH((int(kind) << 6 | int(op_equal)), uint32_t(A(T) == B(T)))                       \
  EACH((int(kind) << 6 | int(op_not_equal)), uint32_t(A(T) != B(T)))                   \
  EACH((int(kind) << 6 | int(op_less)), uint32_t(A(T) < B(T)))                         \
  EACH((int(kind) << 6 | int(op_less_equal)), uint32_t(A(T) <= B(T)))                  \
  EACH((int(kind) << 6 | int(op_greater)), uint32_t(A(T) > B(T)))                      \
  EACH((int(kind) << 6 | int(op_greater_equal)), uint32_t(A(T) >= B(T)))               \
  CASE(int(code_first_largest) + int(kind)) { first_largest<Words, T>(code, x, y, slots, present); return; }
#define REALS(kind, T)                                                                      \
  NUMBERS(kind, T)                                                                          \
  EACH((int(kind) << 6 | int(op_floor)), op::floor_of(A(T)))                           \
  EACH((int(kind) << 6 | int(op_round)), op::round_of(A(T)))                           \
  EACH((int(kind) << 6 | int(op_sqrt)), op::root(A(T)))                                \
  EACH((int(kind) << 6 | int(op_rsqrt)), op::inverse_root(A(T)))                       \
  EACH((int(kind) << 6 | int(op_div)), op::divide(A(T), B(T)))                         \
  EACH((int(kind) << 6 | int(op_is_finite)), uint32_t(op::finite(A(T))))
#define BITS(kind, T)                                                                       \
  EACH((int(kind) << 6 | int(op_bitwise_and)), A(T) & B(T))                            \
  EACH((int(kind) << 6 | int(op_bitwise_or)), A(T) | B(T))                             \
  EACH((int(kind) << 6 | int(op_bitwise_xor)), A(T) ^ B(T))                            \
  EACH((int(kind) << 6 | int(op_shift_left)), op::shift_left(A(T), B(T)))              \
  EACH((int(kind) << 6 | int(op_shift_right)), op::shift_right(A(T), B(T)))
#define CAST(name, From, expression) \
  EACH(name, [](From v) { return expression; }(A(From)))
#define LOAD(name, T, expression)                                                           \
  CASE(name) {                                                                              \
    const ChainOperand& operand = operands[code.c];                                         \
    load_run<N, T>(address(operand), operand.run_stride, present,                              \
                   [&](int j, T v) { r[j] = word_of<Word>(expression); }); \
    END                                                                                     \
  }
#define STORE(name, T, expression)                                                          \
  CASE(name) {                                                                              \
    const ChainOperand& operand = operands[code.c];                                         \
    store_run<N, T>(address(operand), operand.run_stride, present, [&](int j) { return T(expression); }); \
    return;                                                                                 \
  }

#define NARROW_OPERATIONS \
  REALS(kind_float, float) \
  EACH((int(kind_float) << 6 | int(op_exp)), op::exponential(A(float))) \
  EACH((int(kind_float) << 6 | int(op_log)), op::logarithm(A(float))) \
  EACH((int(kind_float) << 6 | int(op_tanh)), op::hyperbolic_tangent(A(float))) \
  NUMBERS(kind_int, int32_t) \
  BITS(kind_int, int32_t) \
  NUMBERS(kind_unsigned, uint32_t) \
  BITS(kind_unsigned, uint32_t) \
  EACH((int(kind_unsigned) << 6 | int(op_logical_not)), A(uint32_t) ^ 1u) \
  EACH(code_move, x[j]) \
  EACH(code_constant, Word(code.immediate)) \
  CASE(code_where) { \
    Word z[N] = {}; \
    fetch(code.c, z); \
    UNROLL for (int j = 0; j < N; j++) r[j] = uint32_t(x[j]) ? y[j] : z[j]; \
    END \
  } \
  CASE(code_position) { \
    const ChainOperand& operand = operands[code.c]; \
    const int64_t first = offset_of(operand, axes, indices); \
    UNROLL for (int j = 0; j < N; j++) r[j] = Word(first + j * operand.run_stride); \
    END \
  } \
  EACH(code_fold, code.immediate == 1 ? x[j ^ 1] : x[(j ^ 2) & (N - 1)]) \
  EACH(code_shuffle, j < code.c ? lane_xor(x[j], int(code.immediate)) : x[j]) \
  LOAD(code_load_8, uint8_t, uint32_t(v)) \
  LOAD(code_load_16, uint16_t, uint32_t(v)) \
  LOAD(code_load_float16, uint16_t, widened(Float16{v})) \
  LOAD(code_load_bfloat16, uint16_t, widened(BFloat16{v})) \
  LOAD(code_load_32, uint32_t, v) \
  STORE(code_store_8, uint8_t, x[j]) \
  STORE(code_store_16, uint16_t, x[j]) \
  STORE(code_store_float16, uint16_t, narrowed<Float16>(A(float)).bits) \
  STORE(code_store_bfloat16, uint16_t, narrowed<BFloat16>(A(float)).bits) \
  STORE(code_store_32, uint32_t, x[j]) \
  CAST(code_int_to_float, int32_t, float(v)) \
  CAST(code_unsigned_to_float, uint32_t, float(v)) \
  CAST(code_int_to_odd_float, int32_t, whole_to_odd(int64_t(v))) \
  CAST(code_unsigned_to_odd_float, uint32_t, whole_to_odd(uint64_t(v))) \
  CAST(code_float_to_int, float, integer_of<int32_t>(v)) \
  CAST(code_float_to_unsigned, float, integer_of<uint32_t>(v)) \
  CAST(code_float_to_uint8, float, uint32_t(integer_of<uint8_t>(v))) \
  CAST(code_float_to_bool, float, uint32_t(v != 0)) \
  CAST(code_unsigned_to_bool, uint32_t, uint32_t(v != 0)) \
  CAST(code_float16_bits, float, uint32_t(narrowed<Float16>(v).bits)) \
  CAST(code_bfloat16_bits, float, uint32_t(narrowed<BFloat16>(v).bits)) \
  CAST(code_float_of_float16_bits, uint32_t, widened(Float16{uint16_t(v)})) \
  CAST(code_float_of_bfloat16_bits, uint32_t, widened(BFloat16{uint16_t(v)}))
#define WIDE_OPERATIONS \
  REALS(kind_double, double) \
  NUMBERS(kind_long, int64_t) \
  BITS(kind_long, int64_t) \
  LOAD(code_load_64, uint64_t, v) \
  STORE(code_store_64, uint64_t, x[j]) \
  CAST(code_double_to_float, double, float(v)) \
  CAST(code_double_to_odd_float, double, float_to_odd(v)) \
  CAST(code_double_to_int, double, integer_of<int32_t>(v)) \
  CAST(code_double_to_unsigned, double, integer_of<uint32_t>(v)) \
  CAST(code_double_to_uint8, double, uint32_t(integer_of<uint8_t>(v))) \
  CAST(code_double_to_long, double, integer_of<int64_t>(v)) \
  CAST(code_double_to_bool, double, uint32_t(v != 0)) \
  CAST(code_float_to_double, float, double(v)) \
  CAST(code_int_to_double, int32_t, double(v)) \
  CAST(code_unsigned_to_double, uint32_t, double(v)) \
  CAST(code_long_to_double, int64_t, double(v)) \
  CAST(code_long_to_float, int64_t, float(v)) \
  CAST(code_long_to_odd_float, int64_t, whole_to_odd(v)) \
  CAST(code_long_to_bool, int64_t, uint32_t(v != 0)) \
  CAST(code_float_to_long, float, integer_of<int64_t>(v)) \
  CAST(code_int_to_long, int32_t, int64_t(v)) \
  CAST(code_unsigned_to_long, uint32_t, int64_t(v))
// clang-format on
template <class Words, class T>
DEVICE void first_largest(const Code& code, const typename Words::Word* x, const typename Words::Word* place,
                          typename Words::Word (*slots)[Words::elements], int present) {
  using Word = typename Words::Word;
  const int count = code.flags & flag_present ? present : Words::elements;
  UNROLL
  for (int j = 0; j < Words::elements; j++) {
    Word &best = slots[code.to][j], &best_place = slots[code.to + 1][j];
    if (j < count &&
        op::comes_first(value_of<T>(x[j]), int64_t(place[j]), value_of<T>(best), int64_t(best_place)))
      best = x[j], best_place = place[j];
  }
}

template <class Words>
DEVICE void Machine<Words>::round(int finish, Word* r) const {
  if (finish == finish_float16) {
    UNROLL
    for (int j = 0; j < N; j++) r[j] = word_of<Word>(as_float16(value_of<float>(r[j])));
  } else if (finish == finish_bfloat16) {
    UNROLL
    for (int j = 0; j < N; j++) r[j] = word_of<Word>(as_bfloat16(value_of<float>(r[j])));
  } else if (finish == finish_uint8) {
    UNROLL
    for (int j = 0; j < N; j++) r[j] &= Word(0xff);
  }
}

template <class Words>
DEVICE void Machine<Words>::run(const Code& code) {
  Word x[N] = {}, y[N] = {}, r[N] = {};
  fetch(code.a, x);
  fetch(code.b, y);
#define CASE(number) case (number):
#define END break;
  switch (code.code) {
    NARROW_OPERATIONS
    default:
      if (is_long(code.code)) {
        Word long_x[N], long_y[N];  // apart, so that the others stay in registers
        UNROLL
        for (int j = 0; j < N; j++) long_x[j] = x[j], long_y[j] = y[j];
        long_operation<Words>(code.code, code.immediate, long_x, long_y);
        UNROLL
        for (int j = 0; j < N; j++) r[j] = long_x[j];
        break;
      }
      if constexpr (Words::wide) switch (code.code) {
          WIDE_OPERATIONS
        }
  }
#undef CASE
#undef END
  round(code.finish, r);
  keep(code, r);
}

template <class Words>
template <int number, int finish>
DEVICE void Machine<Words>::run_known(int flags, int a, int b, int c, int to, int64_t immediate) {
  const Code code{uint16_t(number), uint8_t(finish), uint8_t(flags), uint8_t(a),
                  uint8_t(b),       uint8_t(c),      uint8_t(to),    immediate};
  Word x[N] = {}, y[N] = {}, r[N] = {};
  fetch(a, x);
  fetch(b, y);
#define CASE(of) if constexpr (number == (of))
#define END
  if constexpr (is_long(number)) {
    long_operation<Words>(number, immediate, x, y);
    UNROLL
    for (int j = 0; j < N; j++) r[j] = x[j];
  } else {
    NARROW_OPERATIONS
    if constexpr (Words::wide) {
      WIDE_OPERATIONS
    }
  }
#undef CASE
#undef END
  round(finish, r);
  keep(code, r);
}
#undef EACH
#undef A
#undef B
#undef NUMBERS
#undef REALS
#undef BITS
#undef CAST
#undef LOAD
#undef STORE
#undef NARROW_OPERATIONS
#undef WIDE_OPERATIONS

}  // namespace phynexus::gpu
