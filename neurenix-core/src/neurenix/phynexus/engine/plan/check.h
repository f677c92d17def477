// Checks of single instructions, the same for every engine, with the helpers that they share. They throw Failure.
#pragma once

#include <string>

#include "../failure.h"
#include "instructions.h"

namespace phynexus {

using Instruction = phx_instruction;
using Value = phx_value;

std::string shape_text(const Value& value);
void expect_operands(const Instruction& x, int64_t inputs, int64_t outputs);
void expect_dtype(const Value& value, int32_t dtype, const char* what);
void expect_same_dtype(const Plan& plan, const Instruction& x);
void expect_axes(const Value& a, int64_t first_a, const Value& b, int64_t first_b, int64_t count,
                 const char* what);
void expect_same_shape(const Value& a, const Value& b);
// No two elements of an output may share memory, as far as a stride of 0 shows it.
void expect_writable(const Value& value);

inline bool is_float(int32_t dtype) { return dtype <= PHX_BFLOAT16; }

void check_fused(const Plan& plan, const Instruction& x);
void check_dot(const Plan& plan, const Instruction& x);
void check_convolution(const Plan& plan, const Instruction& x);
void check_index(const Plan& plan, const Instruction& x);
void check_argmax(const Plan& plan, const Instruction& x);
void check_cumsum(const Plan& plan, const Instruction& x);
void check_sort(const Plan& plan, const Instruction& x);
void check_factor(const Plan& plan, const Instruction& x);
void check_triangular_solve(const Plan& plan, const Instruction& x);
void check_call(const Plan& plan, const Instruction& x);
void check_scan(const Plan& plan, const Instruction& x);
void check_map(const Plan& plan, const Instruction& x);

}  // namespace phynexus
