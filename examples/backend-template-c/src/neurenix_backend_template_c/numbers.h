// One number of any dtype, and what is computed with it.
#pragma once

#include <phynexus.h>

#include <cstdint>

namespace template_c {

// One element in a register: floats in d, all else in i.
struct Number {
  double d = 0;
  int64_t i = 0;
};

bool is_float(int32_t dtype);
Number load(int32_t dtype, const char* from);
void store(int32_t dtype, char* to, Number value);

// One element-wise op: a, b, c have the dtype `from` (of a `where`: b and c), the result `to`.
Number element(int32_t opcode, int32_t from, int32_t to, Number a, Number b, Number c);
// The opcodes that element() knows.
bool has_element(int32_t opcode);

}  // namespace template_c
