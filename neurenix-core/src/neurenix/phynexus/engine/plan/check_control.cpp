// Checks instructions that own a region; bounds.cpp checks what the region touches.
#include "check.h"
#include "limits.h"

namespace phynexus {
namespace {

const phx_region& body_of(const Plan& plan, const Instruction& x) { return plan.regions[size_t(x.region)]; }

void expect_leading(const Value* value, int64_t length, const char* what) {
  if (value && (value->rank < 1 || value->shape[0] != length))
    refuse(format("%s does not have the leading size %lld", what, (long long)length));
}

}  // namespace

void check_call(const Plan& plan, const Instruction& x) {
  expect_operands(x, body_of(plan, x).inputs, body_of(plan, x).outputs);
  read_params<Call>(plan, x);
}

void check_map(const Plan& plan, const Instruction& x) {
  expect_operands(x, body_of(plan, x).inputs, body_of(plan, x).outputs);
  const Map p = read_params<Map>(plan, x);
  require(p.iterations >= 0 && p.iterations <= most_bytes && p.chunk >= 0,
          "a negative or absurd number of iterations, or chunk");
  for (int k = 0; k < x.inputs; k++)
    if (p.mapped[size_t(k)]) expect_leading(plan.operand(x, k), p.iterations, "a mapped input");
  for (int k = 0; k < x.outputs; k++)
    if (!p.summed[size_t(k)]) expect_leading(plan.operand(x, x.inputs + k), p.iterations, "a stacked output");
}

void check_scan(const Plan& plan, const Instruction& x) {
  const Scan p = read_params<Scan>(plan, x);
  const int64_t carries = int64_t(p.carries.size());
  require(p.length >= 0 && p.length <= most_bytes, "a negative or absurd length");
  for (const int64_t count : {p.consts, carries, p.xs, p.ys})
    require(count >= 0 && count < 1 << 20, "a count is negative or absurd");
  const phx_region& body = body_of(plan, x);
  expect_operands(x, p.consts + carries + p.xs, carries + p.ys + carries);
  if (body.inputs != p.consts + carries + p.xs || body.outputs != carries + p.ys)
    refuse("its region's inputs and outputs do not fit");
  for (int64_t k = 0; k < carries; k++) {
    const Value& first = plan.input(x, p.consts + k);
    require(is_dense(first), "a carry is not contiguous");
    const Value* last = plan.operand(x, x.inputs + k);
    const Value* saved = plan.operand(x, x.inputs + carries + p.ys + k);
    const int64_t count = element_count(first);
    if (last && (!is_dense(*last) || last->dtype != first.dtype || element_count(*last) != count))
      refuse("a last carry is not like the first");
    if (saved &&
        (!is_dense(*saved) || saved->dtype != first.dtype || element_count(*saved) != times(count, p.length)))
      refuse("saved carries are not like the carry");
    expect_leading(saved, p.length, "a saved carry");
  }
  for (int64_t k = 0; k < p.xs; k++)
    expect_leading(plan.operand(x, p.consts + carries + k), p.length, "a scanned input");
  for (int64_t k = 0; k < p.ys; k++)
    expect_leading(plan.operand(x, x.inputs + carries + k), p.length, "a scan's output");
}

}  // namespace phynexus
