// Checks gather and scatter, and the instructions along one axis: argmax, cumsum, sort.
#include "check.h"

namespace phynexus {

// x [b.., p.., n, s..], index [b.., i..], wide [b.., p.., i.., s..]
void check_index(const Plan& plan, const Instruction& x) {
  const bool gather = x.opcode == PHX_GATHER;
  expect_operands(x, gather ? 2 : 3, 1);
  const auto [axis, batch] = read_params<Index>(plan, x);
  const Value &source = plan.input(x, 0), &index = plan.input(x, 1);
  const Value& wide = gather ? plan.output(x, 0) : plan.input(x, 2);
  require(axis >= 0 && axis < source.rank && batch >= 0 && batch <= axis,
          "axis or batch is outside the rank");
  require(index.rank >= batch, "the index has fewer axes than batch");
  expect_dtype(index, PHX_INT32, "index");
  expect_dtype(wide, source.dtype, gather ? "output" : "updates");
  const int64_t positions = index.rank - batch;
  if (wide.rank != source.rank - 1 + positions) refuse("ranks of x, index and the gathered do not fit");
  expect_axes(source, 0, index, 0, batch, "batch");
  expect_axes(source, 0, wide, 0, axis, "leading");
  expect_axes(index, batch, wide, axis, positions, "index");
  expect_axes(source, axis + 1, wide, axis + positions, source.rank - axis - 1, "trailing");
  if (gather) {
    if (source.shape[axis] == 0 && element_count(wide) > 0) refuse("gathers from an axis without elements");
    return;
  }
  expect_dtype(plan.output(x, 0), source.dtype, "output");
  expect_same_shape(source, plan.output(x, 0));
  if (source.shape[axis] == 0 && element_count(wide) > 0) refuse("scatters into an axis without elements");
}

void check_argmax(const Plan& plan, const Instruction& x) {
  expect_operands(x, 1, 1);
  const auto [reduced] = read_params<Argmax>(plan, x);
  const Value &in = plan.input(x, 0), &out = plan.output(x, 0);
  require(reduced >= 0 && reduced <= in.rank, "reduces more axes than there are");
  require(out.rank == in.rank - reduced, "the output's rank is wrong");
  expect_axes(in, 0, out, 0, out.rank, "leading");
  expect_dtype(out, PHX_INT32, "output");
  for (int d = out.rank; d < in.rank; d++) require(in.shape[d] > 0, "nothing to choose from");
}

void check_cumsum(const Plan& plan, const Instruction& x) {
  expect_operands(x, 1, 1);
  const Cumsum p = read_params<Cumsum>(plan, x);
  const Value& in = plan.input(x, 0);
  expect_same_shape(in, plan.output(x, 0));
  expect_same_dtype(plan, x);
  require(p.axis >= 0 && p.axis < in.rank, "axis is outside the rank");
}

void check_sort(const Plan& plan, const Instruction& x) {
  expect_operands(x, 1, 2);
  const auto [axis] = read_params<Sort>(plan, x);
  const Value& in = plan.input(x, 0);
  require(axis >= 0 && axis < in.rank, "axis is outside the rank");
  require(in.shape[axis] <= INT32_MAX, "too many elements along the axis for int32 indices");
  expect_same_shape(in, plan.output(x, 0));
  expect_same_shape(in, plan.output(x, 1));
  expect_dtype(plan.output(x, 0), in.dtype, "first output");
  expect_dtype(plan.output(x, 1), PHX_INT32, "second output");
}

}  // namespace phynexus
