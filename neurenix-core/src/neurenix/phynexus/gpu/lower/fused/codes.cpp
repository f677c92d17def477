// Translates opcodes and dtypes to the codes of the interpreter.
#include "codes.h"

#include <cstring>
#include <limits>

#include "../../../engine/failure.h"

namespace phynexus::gpu {
namespace {

// The device's list of opcodes is that of phynexus.h.
#define SAME(name, NAME) static_assert(int(op_##name) == int(PHX_##NAME));
// clang-format off
  SAME(neg, NEG) SAME(abs, ABS) SAME(sign, SIGN) SAME(floor, FLOOR) SAME(round, ROUND) SAME(exp, EXP)
  SAME(log, LOG) SAME(log1p, LOG1P) SAME(sin, SIN) SAME(cos, COS) SAME(tan, TAN) SAME(atan, ATAN)
  SAME(tanh, TANH) SAME(sqrt, SQRT) SAME(rsqrt, RSQRT) SAME(erf, ERF) SAME(is_finite, IS_FINITE)
  SAME(logical_not, LOGICAL_NOT) SAME(cast, CAST) SAME(bitcast, BITCAST) SAME(integer_pow, INTEGER_POW)
  SAME(add, ADD) SAME(sub, SUB) SAME(mul, MUL) SAME(div, DIV) SAME(remainder, REMAINDER) SAME(pow, POW)
  SAME(maximum, MAXIMUM) SAME(minimum, MINIMUM) SAME(atan2, ATAN2) SAME(equal, EQUAL)
  SAME(not_equal, NOT_EQUAL) SAME(less, LESS) SAME(less_equal, LESS_EQUAL) SAME(greater, GREATER)
  SAME(greater_equal, GREATER_EQUAL) SAME(bitwise_and, BITWISE_AND) SAME(bitwise_or, BITWISE_OR)
  SAME(bitwise_xor, BITWISE_XOR) SAME(shift_left, SHIFT_LEFT) SAME(shift_right, SHIFT_RIGHT)
  SAME(where, WHERE)
// clang-format on
#undef SAME

    // Of a cast; 0 where the bits stay as they are.
    int cast_code(int32_t from, int32_t to) {
  const Kind kind = kind_of(from);
  const bool to_float = kind_of(to) == kind_float;
  switch (kind) {
    case kind_float:
      switch (to) {
        case PHX_FLOAT64: return code_float_to_double;
        case PHX_INT32: return code_float_to_int;
        case PHX_INT64: return code_float_to_long;
        case PHX_UINT32: return code_float_to_unsigned;
        case PHX_UINT8: return code_float_to_uint8;
        case PHX_BOOL: return code_float_to_bool;
        default: return 0;
      }
    case kind_double:
      switch (to) {
        case PHX_FLOAT32: return code_double_to_float;
        case PHX_FLOAT16:
        case PHX_BFLOAT16: return code_double_to_odd_float;
        case PHX_INT32: return code_double_to_int;
        case PHX_INT64: return code_double_to_long;
        case PHX_UINT32: return code_double_to_unsigned;
        case PHX_UINT8: return code_double_to_uint8;
        case PHX_BOOL: return code_double_to_bool;
        default: return 0;
      }
    case kind_long:
      if (to == PHX_BOOL) return code_long_to_bool;
      if (to == PHX_BFLOAT16) return code_long_to_odd_float;
      return to == PHX_FLOAT64 ? code_long_to_double : to_float ? code_long_to_float : 0;
    case kind_int:
      if (to == PHX_BOOL) return code_unsigned_to_bool;
      if (to == PHX_INT64) return from == storage_position ? 0 : code_int_to_long;
      if (to == PHX_BFLOAT16) return code_int_to_odd_float;
      return to == PHX_FLOAT64 ? code_int_to_double : to_float ? code_int_to_float : 0;
    default:
      if (to == PHX_BOOL) return from == PHX_BOOL ? 0 : code_unsigned_to_bool;
      if (to == PHX_INT64) return code_unsigned_to_long;
      if (to == PHX_BFLOAT16) return code_unsigned_to_odd_float;
      return to == PHX_FLOAT64 ? code_unsigned_to_double : to_float ? code_unsigned_to_float : 0;
  }
}

bool is_half(int32_t dtype) { return dtype == PHX_FLOAT16 || dtype == PHX_BFLOAT16; }

template <class T>
int64_t bits(T value) {
  int64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  return word;
}

template <class T>
int64_t identity_of(int32_t reduction) {
  using Limits = std::numeric_limits<T>;
  switch (reduction) {
    case PHX_PROD:
    case PHX_ALL: return bits(T(1));
    case PHX_MAX:
    case PHX_ARGMAX: return bits(Limits::has_infinity ? T(-Limits::infinity()) : Limits::lowest());
    case PHX_MIN: return bits(Limits::has_infinity ? Limits::infinity() : Limits::max());
    default: return 0;
  }
}

}  // namespace

Finish finish_of(int32_t dtype) {
  return dtype == PHX_FLOAT16    ? finish_float16
         : dtype == PHX_BFLOAT16 ? finish_bfloat16
         : dtype == PHX_UINT8    ? finish_uint8
                                 : finish_none;
}

Code code_of_operation(const Chain::Operation& operation, int32_t from) {
  Code code;
  const int32_t opcode = operation.opcode;
  const Kind kind = kind_of(from);
  code.immediate = operation.immediate;
  code.finish = finish_of(operation.dtype);
  switch (opcode) {
    case PHX_CAST:
      code.code = uint16_t(cast_code(from, operation.dtype));
      if (!code.code) code.code = code_move;
      return code;
    case PHX_BITCAST:
      code.finish = finish_none;
      code.code = code_move;
      if (from == operation.dtype || !is_half(from)) return code;
      code.code = from == PHX_FLOAT16 ? code_float16_bits : code_bfloat16_bits;  // and back: see write_code
      return code;
    case PHX_WHERE:
      code.finish = finish_none;
      code.code = code_where;
      return code;
    case PHX_IS_FINITE:
      if (kind == kind_float || kind == kind_double) break;
      code.code = code_constant;
      code.immediate = 1;
      return code;
    case PHX_BITWISE_AND:
    case PHX_BITWISE_OR:
    case PHX_BITWISE_XOR:
      code.code = uint16_t(code_of(kind == kind_long ? kind_long : kind_unsigned, opcode));
      return code;
    case PHX_INTEGER_POW:
      if (operation.immediate == 1) code.code = code_move;
      else if (operation.immediate == 2) code.code = uint16_t(code_of(kind, PHX_MUL));
      else break;
      return code;
    default: break;
  }
  code.code = uint16_t(code_of(kind, opcode));
  if (operation.dtype == PHX_BOOL) code.finish = finish_none;
  return code;
}

int load_code(int32_t storage) {
  switch (storage) {
    case PHX_UINT8:
    case PHX_BOOL: return code_load_8;
    case storage_16: return code_load_16;
    case PHX_FLOAT16: return code_load_float16;
    case PHX_BFLOAT16: return code_load_bfloat16;
    case PHX_FLOAT64:
    case PHX_INT64: return code_load_64;
    case storage_position: return code_position;
    default: return code_load_32;
  }
}

int store_code(int32_t storage) {
  switch (storage) {
    case PHX_UINT8:
    case PHX_BOOL: return code_store_8;
    case storage_16: return code_store_16;
    case PHX_FLOAT16: return code_store_float16;
    case PHX_BFLOAT16: return code_store_bfloat16;
    case PHX_FLOAT64:
    case PHX_INT64: return code_store_64;
    default: return code_store_32;
  }
}

int accumulate_code(int32_t reduction, int32_t dtype) {
  const Kind kind = kind_of(dtype);
  switch (reduction) {
    case PHX_SUM: return code_of(kind, PHX_ADD);
    case PHX_PROD: return code_of(kind, PHX_MUL);
    case PHX_MAX: return code_of(kind, PHX_MAXIMUM);
    case PHX_MIN: return code_of(kind, PHX_MINIMUM);
    case PHX_ANY: return code_of(kind_unsigned, PHX_BITWISE_OR);
    case PHX_ALL: return code_of(kind_unsigned, PHX_BITWISE_AND);
    case PHX_ARGMAX: return int(code_first_largest) + int(kind);
    default: refuse("an unknown reduction");
  }
}

int64_t identity(int32_t reduction, int32_t dtype) {
  switch (dtype) {
    case PHX_FLOAT64: return identity_of<double>(reduction);
    case PHX_INT64: return identity_of<int64_t>(reduction);
    case PHX_INT32: return identity_of<int32_t>(reduction);
    case PHX_UINT32: return identity_of<uint32_t>(reduction);
    case PHX_UINT8:
    case PHX_BOOL: return identity_of<uint8_t>(reduction);
    default: return identity_of<float>(reduction);
  }
}

}  // namespace phynexus::gpu
