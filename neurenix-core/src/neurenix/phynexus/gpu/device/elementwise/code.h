// The byte code of a fused chain, and the parameters of the handler that runs it.
#pragma once

#include "../record.h"
#include "opcodes.h"

namespace phynexus::gpu {

// What an elementwise operation computes in: `kind << 6 | opcode` of phynexus.h is its code.
enum Kind : int {
  kind_float = 0,     // float32, float16, bfloat16
  kind_int = 1,       // int32
  kind_unsigned = 2,  // uint32, uint8, bool
  kind_double = 3,
  kind_long = 4,  // int64
  kind_other = 5
};

inline constexpr int code_of(int kind, int opcode) { return kind << 6 | opcode; }

enum OtherCode : int {
  code_move = kind_other << 6,  // a
  code_constant,                // the bits of the immediate
  code_where,                   // a ? b : c
  code_position,                // the position of the element in operand c's strides, which are not bytes
  code_fold,                    // a, element j ^ immediate
  code_shuffle,                 // a, of the lane that is immediate lanes away; c elements of it
  // Loads from operand c, and stores of a there; what is stored is narrowed as the name says.
  code_load_8,
  code_load_16,
  code_load_float16,
  code_load_bfloat16,
  code_load_32,
  code_load_64,
  code_store_8,
  code_store_16,
  code_store_float16,
  code_store_bfloat16,
  code_store_32,
  code_store_64,
  // Casts that change bits.
  code_int_to_float,
  code_unsigned_to_float,
  code_int_to_odd_float,
  code_unsigned_to_odd_float,
  code_float_to_int,
  code_float_to_unsigned,
  code_float_to_uint8,
  code_float_to_bool,
  code_unsigned_to_bool,
  code_float16_bits,
  code_bfloat16_bits,
  code_float_of_float16_bits,
  code_float_of_bfloat16_bits,
  code_double_to_float,
  code_double_to_odd_float,
  code_double_to_int,
  code_double_to_unsigned,
  code_double_to_uint8,
  code_double_to_long,
  code_double_to_bool,
  code_float_to_double,
  code_int_to_double,
  code_unsigned_to_double,
  code_long_to_double,
  code_long_to_float,
  code_long_to_odd_float,
  code_long_to_bool,
  code_float_to_long,
  code_int_to_long,
  code_unsigned_to_long,
  // The larger of a at place b, and of slot `to` at the place in slot `to` + 1, becomes the latter. + kind.
  code_first_largest,
};

enum Finish : int { finish_none, finish_float16, finish_bfloat16, finish_uint8 };

enum CodeFlag : int {
  flag_keep = 1,     // the result goes to its slot only; the accumulator keeps what it has
  flag_present = 2,  // elements that are not there keep what is in the slot
};

inline constexpr int slot_none = 255, slot_accumulator = 254;
inline constexpr int max_slots = 32;
inline constexpr int max_walk_axes = max_rank + 1;  // the parts of a split reduction are an axis too

struct Code {
  uint16_t code = 0;
  uint8_t finish = 0;
  uint8_t flags = 0;
  uint8_t a = slot_none, b = slot_none, c = slot_none, to = slot_none;
  int64_t immediate = 0;
};

// A value that the chain reads or writes. Strides in bytes, for each axis of the walk.
struct ChainOperand {
  Pointer at;
  int64_t run_stride = 0;  // from one element of a run to the next
  int64_t strides[max_walk_axes] = {};
};

// Division by a number known on the host, of numbers below 2^31 (Granlund and Montgomery, 1994, "Division by invariant
// integers using multiplication").
struct Divisor {
  int64_t size = 1;
  uint32_t magic = 1;
  uint32_t shift = 0;
};

// A walk over the elements. A thread takes runs: so many neighbours (4, or 2 of a wide chain) along one axis, the run
// axis, whose size here is counted in runs. The first axes are kept, the others reduced; units are their index tuples,
// the last axis fastest.
struct FusedParams {
  int64_t kept_units = 0;
  int64_t reduced_units = 0;  // 1 where nothing is reduced
  int64_t part_units = 0;     // of the reduced units, that one part takes
  int64_t run_size = 1;       // elements along the run axis
  int64_t code = 0;           // in the program
  int64_t operands = 0;
  int32_t kept_axes = 0;
  int32_t axes = 0;
  int32_t run_axis = -1;   // -1: there is one element
  int32_t split = 0;       // 1: axis 0 counts parts
  int32_t lanes_log2 = 0;  // lanes of a warp that share a kept unit, each takes every so manieth reduced unit
  int32_t lanes_adjacent = 0;  // 1: these lanes are neighbours; 0: lanes of neighbouring units are
  int32_t large = 0;           // 1: numbers of units do not fit 31 bits
  int32_t body =
      0;  // code [0, body) runs once before, [body, end) for each reduced unit, [end, count) once after
  int32_t end = 0;
  int32_t count = 0;
  Divisor sizes[max_walk_axes];
};

}  // namespace phynexus::gpu
