// Refuses the instructions of a plan for whose dtype there is no kernel.
#include "gaps.h"

#include "engine/plan/in_instruction.h"
#include "engine/plan/instructions.h"

namespace phynexus {
namespace {

void expect_no_sum_of_bool(const Plan& plan, const phx_instruction& map) {
  const Map p = read_params<Map>(plan, map);
  for (int k = 0; k < map.outputs; k++)
    if (const phx_value* out = plan.operand(map, map.inputs + k))
      if (p.summed[size_t(k)] && out->dtype == PHX_BOOL) lack("a map's sum of bool");
}

void check_instruction(const Plan& plan, const phx_instruction& x) {
  const auto operand_is_bool = [&] { return plan.operand(x, 0)->dtype == PHX_BOOL; };
  const auto expect_float = [&](const char* what) {
    const int32_t dtype = plan.input(x, 0).dtype;
    if (dtype != PHX_FLOAT32 && dtype != PHX_FLOAT64) lack(format("%s of %s", what, dtype_name(dtype)));
  };
  switch (x.opcode) {
    case PHX_CONV_GENERAL:
    case PHX_CONV_INPUT_GRADIENT:
    case PHX_CONV_WEIGHT_GRADIENT: return expect_float("a convolution");
    case PHX_CHOLESKY:
    case PHX_TRIANGULAR_SOLVE:
    case PHX_LU: return expect_float("linear algebra");
    case PHX_DOT_GENERAL:
      if (operand_is_bool()) lack("a matrix product of bool");
      return;
    case PHX_CUMSUM:
    case PHX_SCATTER_ADD:
    case PHX_SORT:
    case PHX_IOTA:
      if (operand_is_bool()) lack(format("%s of bool", opcode_name(x.opcode)));
      return;
    case PHX_MAP: return expect_no_sum_of_bool(plan, x);
    default: return;
  }
}

}  // namespace

void check_gaps(const Plan& plan) {
  each_instruction(plan, [&](const phx_instruction& x) { check_instruction(plan, x); });
}

}  // namespace phynexus
