// Checks factors of square matrices, and solving with a triangle.
#include "check.h"

namespace phynexus {
namespace {

void expect_square(const Value& a) {
  if (a.rank < 2 || a.shape[a.rank - 1] != a.shape[a.rank - 2])
    refuse("its input has shape " + shape_text(a) + " and should hold square matrices");
}

}  // namespace

void check_factor(const Plan& plan, const Instruction& x) {
  const bool lu = x.opcode == PHX_LU;
  expect_operands(x, 1, lu ? 2 : 1);
  read_params<Factor>(plan, x);
  const Value& a = plan.input(x, 0);
  expect_square(a);
  expect_same_shape(a, plan.output(x, 0));
  expect_dtype(plan.output(x, 0), a.dtype, "output");
  if (!lu) return;
  const Value& order = plan.output(x, 1);
  expect_dtype(order, PHX_INT32, "second output");
  if (order.rank != a.rank - 1) refuse("its second output has shape " + shape_text(order));
  expect_axes(a, 0, order, 0, order.rank, "leading");
}

void check_triangular_solve(const Plan& plan, const Instruction& x) {
  expect_operands(x, 2, 1);
  read_params<TriangularSolve>(plan, x);
  const Value &a = plan.input(x, 0), &b = plan.input(x, 1);
  expect_square(a);
  if (b.rank != a.rank) refuse("ranks differ: " + shape_text(a) + " and " + shape_text(b));
  expect_axes(a, 0, b, 0, a.rank - 1, "leading");
  expect_same_shape(b, plan.output(x, 0));
  expect_same_dtype(plan, x);
}

}  // namespace phynexus
