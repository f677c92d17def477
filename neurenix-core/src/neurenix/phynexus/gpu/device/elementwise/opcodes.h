// phynexus.h's opcodes of elementwise operations; no run-time compiler has that header.
#pragma once

namespace phynexus::gpu {

// clang-format off
enum Opcode : int {
  op_neg = 1, op_abs = 2, op_sign = 3, op_floor = 4, op_round = 5, op_exp = 6, op_log = 7, op_log1p = 8,
  op_sin = 9, op_cos = 10, op_tan = 11, op_atan = 12, op_tanh = 13, op_sqrt = 14, op_rsqrt = 15,
  op_erf = 16, op_is_finite = 17, op_logical_not = 18, op_cast = 19, op_bitcast = 20, op_integer_pow = 21,
  op_add = 30, op_sub = 31, op_mul = 32, op_div = 33, op_remainder = 34, op_pow = 35, op_maximum = 36,
  op_minimum = 37, op_atan2 = 38, op_equal = 40, op_not_equal = 41, op_less = 42, op_less_equal = 43,
  op_greater = 44, op_greater_equal = 45, op_bitwise_and = 50, op_bitwise_or = 51, op_bitwise_xor = 52,
  op_shift_left = 53, op_shift_right = 54, op_where = 60,
};
// clang-format on

}  // namespace phynexus::gpu
