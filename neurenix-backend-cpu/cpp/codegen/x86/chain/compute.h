// The instructions of one operation on values in registers.
#pragma once

#include "body.h"

namespace phynexus::fused {

// Whether the operation adds to its third argument, whose register may then be the result's.
inline bool adds_to_third(int32_t opcode) {
  return opcode == multiply_plus || opcode == multiply_minus || opcode == minus_multiply;
}

// `in` are the registers of the arguments. A comparison's result `to` is a mask.
void compute(x86::Assembler& a, FreeRegisters& free, const Operation& operation, int to, const int* in);

// With AVX2.
void hyperbolic_tangent(x86::Assembler& a, FreeRegisters& free, int to, int x);

}  // namespace phynexus::fused
