// Operations as instructions: the same as the kernels do, rounding for rounding.
#include "compute.h"

#include "lanes.h"

namespace phynexus::fused {
namespace {

using namespace x86;

Float float_predicate(int32_t relation) {
  switch (relation) {
    case PHX_EQUAL: return Float::equal;
    case PHX_NOT_EQUAL: return Float::not_equal;
    case PHX_LESS: return Float::less;
    case PHX_LESS_EQUAL: return Float::less_equal;
    case PHX_GREATER: return Float::greater;
    default: return Float::greater_equal;
  }
}

Integer integer_predicate(int32_t relation) {
  switch (relation) {
    case PHX_EQUAL: return Integer::equal;
    case PHX_NOT_EQUAL: return Integer::not_equal;
    case PHX_LESS: return Integer::less;
    case PHX_LESS_EQUAL: return Integer::less_equal;
    case PHX_GREATER: return Integer::greater;
    default: return Integer::greater_equal;
  }
}

void set_to_one(Assembler& a, int to) { a.vbroadcastss(to, {.constant = a.constant(1.0f)}); }

// The instructions give the second one if either is NaN.
void extreme(Assembler& a, FreeRegisters& free, bool largest, int to, const int* in) {
  if (largest) a.vmaxps(to, in[0], in[1]);
  else a.vminps(to, in[0], in[1]);
  const int mask = free.take_mask();
  a.vcmpps(mask, in[0], in[0], Float::unordered);
  move_lanes(a, to, in[0], mask);
  free.give_mask(mask);
}

void reciprocal_root(Assembler& a, FreeRegisters& free, int to, int from) {
  const int one = free.take_vector();
  set_to_one(a, one);
  a.vsqrtps(to, from);
  a.vdivps(to, one, to);
  free.give_vector(one);
}

// By squaring.
void power(Assembler& a, FreeRegisters& free, int64_t exponent, int to, int from) {
  const int square = free.take_vector();
  a.vmovaps(square, from);
  set_to_one(a, to);
  for (uint64_t e = uint64_t(std::abs(exponent)); e; e >>= 1) {
    if (e & 1) a.vmulps(to, to, square);
    if (e > 1) a.vmulps(square, square, square);
  }
  if (exponent < 0) {
    set_to_one(a, square);
    a.vdivps(to, square, to);
  }
  free.give_vector(square);
}

void compare_and_select(Assembler& a, FreeRegisters& free, int32_t relation, int to, const int* in) {
  const int mask = free.take_mask();
  a.vcmpps(mask, in[0], in[1], float_predicate(relation));
  select(a, to, in[3], in[2], mask);
  free.give_mask(mask);
}

void multiply_and_add(Assembler& a, int32_t opcode, int to, const int* in) {
  if (to != in[2]) a.vmovaps(to, in[2]);
  if (opcode == multiply_plus) a.vfmadd231ps(to, in[0], in[1]);
  else if (opcode == multiply_minus) a.vfmsub231ps(to, in[0], in[1]);
  else a.vfnmadd231ps(to, in[0], in[1]);
}

}  // namespace

void compute(Assembler& a, FreeRegisters& free, const Operation& operation, int to, const int* in) {
  switch (operation.opcode) {
    case PHX_ADD: return a.vaddps(to, in[0], in[1]);
    case PHX_SUB: return a.vsubps(to, in[0], in[1]);
    case PHX_MUL: return a.vmulps(to, in[0], in[1]);
    case PHX_DIV: return a.vdivps(to, in[0], in[1]);
    case PHX_MAXIMUM:
    case PHX_MINIMUM: return extreme(a, free, operation.opcode == PHX_MAXIMUM, to, in);
    case PHX_NEG: return a.vpxord(to, in[0], in_all_lanes(a, 0x80000000u));
    case PHX_ABS: return a.vpandd(to, in[0], in_all_lanes(a, 0x7fffffffu));
    case PHX_FLOOR: return a.vrndscaleps(to, in[0], Rounding::down);
    case PHX_ROUND: return a.vrndscaleps(to, in[0], Rounding::even);
    case PHX_SQRT: return a.vsqrtps(to, in[0]);
    case PHX_RSQRT: return reciprocal_root(a, free, to, in[0]);
    case PHX_INTEGER_POW: return power(a, free, operation.immediate, to, in[0]);
    case PHX_TANH: return hyperbolic_tangent(a, free, to, in[0]);
    case multiply_plus:
    case multiply_minus:
    case minus_multiply: return multiply_and_add(a, operation.opcode, to, in);
    case PHX_WHERE: return a.vblendmps(to, in[2], in[1], in[0]);
    case compare_where: return compare_and_select(a, free, operation.relation, to, in);
    default: break;
  }
  if (operation.from == PHX_FLOAT32) a.vcmpps(to, in[0], in[1], float_predicate(operation.opcode));
  else a.vpcmpd(to, in[0], in[1], integer_predicate(operation.opcode));
}

}  // namespace phynexus::fused
