// The table of one instruction set.
#include "elementwise/elementwise.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

ElementKernel unary(int32_t opcode, int32_t dtype) {
  ElementKernel kernel = arithmetic_unary(opcode, dtype);
  if (!kernel && dtype == PHX_FLOAT32) kernel = math_float32(opcode);
  if (!kernel && dtype == PHX_FLOAT64) kernel = math_float64(opcode);
  return kernel;
}

ElementKernel binary(int32_t opcode, int32_t dtype, Form form) {
  ElementKernel kernel = arithmetic_binary(opcode, dtype, form);
  if (!kernel) kernel = comparison(opcode, dtype, form);
  if (!kernel) kernel = bitwise(opcode, dtype, form);
  if (!kernel && dtype == PHX_FLOAT32) kernel = math_float32_binary(opcode, form);
  if (!kernel && dtype == PHX_FLOAT64) kernel = math_float64_binary(opcode, form);
  return kernel;
}

}  // namespace

// With AVX-512 chains are code, whose values stay in registers: only what it reads and writes takes room.
#if defined(__AVX512F__)
constexpr int64_t block_bytes = 64 * 1024;
#else
constexpr int64_t block_bytes = 24 * 1024;
#endif

extern const RuntimeKernels runtime_kernels;
const RuntimeKernels runtime_kernels = {
    block_bytes,  unary,     binary,     select,        compare_select, multiply_add,
    cast_between, splat,     reduction,  first_largest, argmax,         argmax_columns,
    window,       read_tile, write_tile, copy_strided,  random_bits,
};

}  // namespace phynexus::PHYNEXUS_ISA
