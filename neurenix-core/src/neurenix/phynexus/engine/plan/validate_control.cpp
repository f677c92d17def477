// Instructions that own a region. What the region touches is checked in bounds.cpp.
#include "../failure.h"
#include "limits.h"
#include "plan.h"

namespace phynexus {
namespace {

void expect_leading(const phx_value* value, int64_t length, const char* what) {
  if (value && (value->rank < 1 || value->shape[0] != length))
    refuse(format("%s does not have the leading size %lld", what, (long long)length));
}

void expect_operands(const phx_instruction& x, int64_t inputs, int64_t outputs) {
  if (x.inputs != inputs || x.outputs != outputs)
    refuse(format("has %d inputs and %d outputs, and should have %lld and %lld", x.inputs, x.outputs,
                  (long long)inputs, (long long)outputs));
}

void check_map(const Plan& plan, const phx_instruction& x, const phx_region& body) {
  expect_operands(x, body.inputs, body.outputs);
  require(x.params == 2 + x.inputs + x.outputs, "its number of params is wrong");
  const int64_t* p = plan.params_of(x);
  require(p[0] >= 0 && p[0] <= most_bytes && p[1] >= 0,
          "a negative or absurd number of iterations, or chunk");
  for (int k = 0; k < x.inputs + x.outputs; k++) {
    require(p[2 + k] == 0 || p[2 + k] == 1, "a flag is neither 0 nor 1");
    const bool leading = k < x.inputs ? p[2 + k] == 1 : p[2 + k] == 0;
    if (leading) expect_leading(plan.operand(x, k), p[0], "a mapped input or stacked output");
    if (k >= x.inputs && p[2 + k] && plan.operand(x, k) && plan.operand(x, k)->dtype == PHX_BOOL)
      lack("a map's sum of bool");
  }
}

void check_scan(const Plan& plan, const phx_instruction& x, const phx_region& body) {
  require(x.params >= 7, "too few params");
  const int64_t* p = plan.params_of(x);
  const int64_t length = p[1], consts = p[2], carries = p[3], xs = p[4], ys = p[5];
  require(length >= 0 && length <= most_bytes, "a negative or absurd length");
  for (int i = 2; i < 6; i++) require(p[i] >= 0 && p[i] < 1 << 20, "a count is negative or absurd");
  require(x.params == 7 + 2 * carries, "its number of params is wrong");
  expect_operands(x, consts + carries + xs, carries + ys + carries);
  if (body.inputs != consts + carries + xs || body.outputs != carries + ys)
    refuse("its region's inputs and outputs do not fit");
  for (int64_t k = 0; k < carries; k++) {
    const phx_value& first = plan.input(x, consts + k);
    require(is_dense(first), "a carry is not contiguous");
    const phx_value* last = plan.operand(x, x.inputs + k);
    const phx_value* saved = plan.operand(x, x.inputs + carries + ys + k);
    const int64_t count = element_count(first);
    if (last && (!is_dense(*last) || last->dtype != first.dtype || element_count(*last) != count))
      refuse("a last carry is not like the first");
    if (saved &&
        (!is_dense(*saved) || saved->dtype != first.dtype || element_count(*saved) != times(count, length)))
      refuse("saved carries are not like the carry");
    expect_leading(saved, length, "a saved carry");
  }
  for (int64_t k = 0; k < xs; k++)
    expect_leading(plan.operand(x, consts + carries + k), length, "a scanned input");
  for (int64_t k = 0; k < ys; k++)
    expect_leading(plan.operand(x, x.inputs + carries + k), length, "a scan's output");
}

}  // namespace

void validate_control(const Plan& plan, const phx_region&, const phx_instruction& x) {
  require(x.region >= 0, "has no region");
  const phx_region& body = plan.regions[size_t(x.region)];
  switch (x.opcode) {
    case PHX_CALL:
      expect_operands(x, body.inputs, body.outputs);
      require(x.params == 1, "its number of params is wrong");
      return;
    case PHX_SCAN: return check_scan(plan, x, body);
    default: return check_map(plan, x, body);
  }
}

}  // namespace phynexus
