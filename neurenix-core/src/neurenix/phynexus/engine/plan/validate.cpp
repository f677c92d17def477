// Checks every instruction of a plan by its opcode, then the bounds of its views.
#include "check.h"
#include "in_instruction.h"

namespace phynexus {

std::string shape_text(const Value& value) {
  std::string text = "[";
  for (int d = 0; d < value.rank; d++) text += format(d ? ", %lld" : "%lld", (long long)value.shape[d]);
  return text + "]";
}

void expect_operands(const Instruction& x, int64_t inputs, int64_t outputs) {
  if (x.inputs != inputs || x.outputs != outputs)
    refuse(format("has %d inputs and %d outputs, and should have %lld and %lld", x.inputs, x.outputs,
                  (long long)inputs, (long long)outputs));
}

void expect_dtype(const Value& value, int32_t dtype, const char* what) {
  if (value.dtype != dtype)
    refuse(format("its %s is %s and should be %s", what, dtype_name(value.dtype), dtype_name(dtype)));
}

void expect_same_dtype(const Plan& plan, const Instruction& x) {
  for (int k = 1; k < x.inputs + x.outputs; k++)
    expect_dtype(*plan.operand(x, k), plan.input(x, 0).dtype, k < x.inputs ? "input" : "output");
}

void expect_axes(const Value& a, int64_t first_a, const Value& b, int64_t first_b, int64_t count,
                 const char* what) {
  for (int64_t d = 0; d < count; d++)
    if (a.shape[first_a + d] != b.shape[first_b + d])
      refuse(format("%s axes differ: %s and %s", what, shape_text(a).c_str(), shape_text(b).c_str()));
}

void expect_same_shape(const Value& a, const Value& b) {
  if (a.rank != b.rank) refuse("shapes differ: " + shape_text(a) + " and " + shape_text(b));
  expect_axes(a, 0, b, 0, a.rank, "all");
}

void expect_writable(const Value& value) {
  if (element_count(value) == 0) return;
  for (int d = 0; d < value.rank; d++)
    if (value.shape[d] > 1 && value.strides[d] == 0)
      refuse(format("an output has stride 0 along axis %d", d));
}

namespace {

void check_copy(const Plan& plan, const Instruction& x) {
  expect_operands(x, 1, 1);
  read_params<Copy>(plan, x);
  expect_same_shape(plan.input(x, 0), plan.output(x, 0));
  expect_same_dtype(plan, x);
}

void check_iota(const Plan& plan, const Instruction& x) {
  expect_operands(x, 0, 1);
  const auto [axis] = read_params<Iota>(plan, x);
  require(axis >= 0 && axis < plan.output(x, 0).rank, "axis is outside the rank");
}

void check_random_bits(const Plan& plan, const Instruction& x) {
  expect_operands(x, 1, 1);
  read_params<RandomBits>(plan, x);
  const Value& key = plan.input(x, 0);
  expect_dtype(key, PHX_UINT32, "key");
  expect_dtype(plan.output(x, 0), PHX_UINT32, "output");
  require(key.rank == 1 && key.shape[0] == 2, "its key is not of shape [2]");
}

void check_instruction(const Plan& plan, const Instruction& x) {
  for (int k = 0; k < x.outputs; k++)
    if (plan.operand(x, x.inputs + k) && x.opcode != PHX_FUSED) expect_writable(plan.output(x, k));
  const bool owns_region = x.opcode == PHX_CALL || x.opcode == PHX_SCAN || x.opcode == PHX_MAP;
  require(owns_region || x.region == -1, "has a region, and should have none");
  require(!owns_region || x.region >= 0, "has no region");
  switch (x.opcode) {
    case PHX_FUSED: return check_fused(plan, x);
    case PHX_ARGMAX: return check_argmax(plan, x);
    case PHX_CUMSUM: return check_cumsum(plan, x);
    case PHX_SORT: return check_sort(plan, x);
    case PHX_CHOLESKY:
    case PHX_LU: return check_factor(plan, x);
    case PHX_TRIANGULAR_SOLVE: return check_triangular_solve(plan, x);
    case PHX_DOT_GENERAL: return check_dot(plan, x);
    case PHX_CONV_GENERAL:
    case PHX_CONV_INPUT_GRADIENT:
    case PHX_CONV_WEIGHT_GRADIENT: return check_convolution(plan, x);
    case PHX_COPY: return check_copy(plan, x);
    case PHX_GATHER:
    case PHX_SCATTER:
    case PHX_SCATTER_ADD: return check_index(plan, x);
    case PHX_IOTA: return check_iota(plan, x);
    case PHX_RANDOM_BITS: return check_random_bits(plan, x);
    case PHX_CALL: return check_call(plan, x);
    case PHX_SCAN: return check_scan(plan, x);
    case PHX_MAP: return check_map(plan, x);
    default: lack(format("opcode %d is no instruction that this engine runs", x.opcode));
  }
}

}  // namespace

void validate(Plan& plan) {
  each_instruction(plan, [&](const Instruction& x) { check_instruction(plan, x); });
  plan.needs = validate_bounds(plan);
  plan.apart = outputs_apart(plan);
}

}  // namespace phynexus
