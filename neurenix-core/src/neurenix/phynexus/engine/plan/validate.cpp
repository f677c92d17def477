// The meaning of each instruction: how many operands and params, ranks, shapes, dtypes.
#include <initializer_list>

#include "../failure.h"
#include "plan.h"

namespace phynexus {
namespace {

using Instruction = phx_instruction;
using Value = phx_value;

void expect_counts(const Instruction& x, int inputs, int outputs, int params) {
  if (x.inputs != inputs || x.outputs != outputs || x.params != params)
    refuse(format("has %d inputs, %d outputs and %d params, and should have %d, %d and %d", x.inputs,
                  x.outputs, x.params, inputs, outputs, params));
  if (x.region != -1) refuse("has a region, and should have none");
}

std::string shape_text(const Value& value) {
  std::string text = "[";
  for (int d = 0; d < value.rank; d++) text += format(d ? ", %lld" : "%lld", (long long)value.shape[d]);
  return text + "]";
}

void expect_dtype(const Value& value, int32_t dtype, const char* what) {
  if (value.dtype != dtype)
    refuse(format("its %s is %s and should be %s", what, dtype_name(value.dtype), dtype_name(dtype)));
}

void expect_same_dtype(const Plan& plan, const Instruction& x) {
  for (int k = 1; k < x.inputs + x.outputs; k++)
    expect_dtype(*plan.operand(x, k), plan.input(x, 0).dtype, k < x.inputs ? "input" : "output");
}

void expect_axes(const Value& a, int first_a, const Value& b, int first_b, int64_t count, const char* what) {
  for (int64_t d = 0; d < count; d++)
    if (a.shape[first_a + d] != b.shape[first_b + d])
      refuse(format("%s axes differ: %s and %s", what, shape_text(a).c_str(), shape_text(b).c_str()));
}

void expect_same_shape(const Value& a, const Value& b) {
  if (a.rank != b.rank) refuse("shapes differ: " + shape_text(a) + " and " + shape_text(b));
  expect_axes(a, 0, b, 0, a.rank, "all");
}

// No two elements of an output may share memory, as far as a stride of 0 shows it.
void expect_writable(const Value& value) {
  if (element_count(value) == 0) return;
  for (int d = 0; d < value.rank; d++)
    if (value.shape[d] > 1 && value.strides[d] == 0)
      refuse(format("an output has stride 0 along axis %d", d));
}

bool is_float(int32_t dtype) { return dtype == PHX_FLOAT32 || dtype == PHX_FLOAT64; }

int arity(int64_t opcode) {
  if (opcode >= PHX_NEG && opcode <= PHX_INTEGER_POW) return 1;
  if ((opcode >= PHX_ADD && opcode <= PHX_ATAN2) || (opcode >= PHX_EQUAL && opcode <= PHX_GREATER_EQUAL) ||
      (opcode >= PHX_BITWISE_AND && opcode <= PHX_SHIFT_RIGHT))
    return 2;
  return opcode == PHX_WHERE ? 3 : 0;
}

// The dtype of one op's result, given those of its operands.
void check_op(const int64_t* op, const std::vector<int32_t>& dtypes) {
  const int64_t opcode = op[0];
  const int operands = arity(opcode);
  if (!operands) refuse(format("%lld is no elementwise opcode", (long long)opcode));
  int32_t types[3] = {-1, -1, -1};
  for (int k = 0; k < 3; k++) {
    const int64_t named = op[2 + k];
    if (k >= operands) continue;
    if (named < 0 || named >= int64_t(dtypes.size()))
      refuse(format("op %s names register %lld, which is not earlier", opcode_name(int32_t(opcode)),
                    (long long)named));
    types[k] = dtypes[size_t(named)];
  }
  if (op[1] < 0 || op[1] > PHX_BOOL) refuse("an op's result has an unknown dtype");
  if (!(supported_dtypes >> op[1] & 1)) lack(format("an op's result is %s", dtype_name(int32_t(op[1]))));
  int32_t expected = types[0];
  if (opcode == PHX_CAST) expected = int32_t(op[1]);
  if (opcode == PHX_BITCAST) {
    expected = int32_t(op[1]);
    if (item_bytes(expected) != item_bytes(types[0])) refuse("bitcast between dtypes of different sizes");
  }
  if (opcode == PHX_IS_FINITE || (opcode >= PHX_EQUAL && opcode <= PHX_GREATER_EQUAL)) expected = PHX_BOOL;
  if (opcode == PHX_WHERE) {
    if (types[0] != PHX_BOOL) refuse("the condition of where is not bool");
    if (types[1] != types[2]) refuse("the two values of where differ in dtype");
    expected = types[1];
  } else if (operands == 2 && types[0] != types[1]) {
    refuse(format("op %s: operands of dtype %s and %s", opcode_name(int32_t(opcode)), dtype_name(types[0]),
                  dtype_name(types[1])));
  }
  if (op[1] != expected)
    refuse(format("op %s gives %s, and the plan says %s", opcode_name(int32_t(opcode)), dtype_name(expected),
                  dtype_name(int32_t(op[1]))));
  if (opcode == PHX_INTEGER_POW && op[5] < 0 && !is_float(types[0])) refuse("a negative power of integers");
}

void check_fused(const Plan& plan, const Instruction& x) {
  require(x.params >= 4, "too few params");
  if (x.region != -1) refuse("has a region, and should have none");
  const int64_t* p = plan.params_of(x);
  const int64_t ops = p[0], outputs = p[1], reduced = p[2], rank = p[3];
  require(rank >= 0 && rank <= PHX_MAX_RANK, "its rank is not in 0 .. 8");
  require(ops >= 0 && ops < x.params && outputs == x.outputs, "its counts of ops or outputs are wrong");
  require(x.inputs >= 1 && x.inputs < 4096 && outputs >= 1 && outputs < 4096,
          "its number of operands is wrong");
  require(x.params == 4 + rank + 6 * ops + 2 * outputs, "its number of params is wrong");
  require(reduced >= 0 && reduced < int64_t(1) << rank, "its reduced axes are not in its rank");
  std::vector<int32_t> dtypes;
  int64_t total = 1;
  for (int64_t d = 0; d < rank; d++) {
    require(p[4 + d] >= 0, "a negative size");
    total = times(total, p[4 + d] ? p[4 + d] : 1);
  }
  for (int k = 0; k < x.inputs; k++) {
    const Value& value = plan.input(x, k);
    if (value.rank != rank) refuse(format("input %d has rank %d, not %lld", k, value.rank, (long long)rank));
    for (int64_t d = 0; d < rank; d++)
      if (value.shape[d] != p[4 + d]) refuse(format("input %d has shape %s", k, shape_text(value).c_str()));
    dtypes.push_back(value.dtype);
  }
  const int64_t* op = p + 4 + rank;
  for (int64_t i = 0; i < ops; i++, op += 6) {
    check_op(op, dtypes);
    dtypes.push_back(int32_t(op[1]));
  }
  for (int64_t k = 0; k < outputs; k++) {
    const int64_t named = op[2 * k], reduction = op[2 * k + 1];
    if (named < 0 || named >= int64_t(dtypes.size()))
      refuse(format("output %lld names no register", (long long)k));
    const Value& value = plan.output(x, k);
    expect_dtype(value, reduction == PHX_ARGMAX ? int32_t(PHX_INT32) : dtypes[size_t(named)], "output");
    const bool known = reduction == 0 || (reduction >= PHX_SUM && reduction <= PHX_ALL);
    if (!known)
      refuse(format("output %lld has the unknown reduction %lld", (long long)k, (long long)reduction));
    const bool logical = reduction == PHX_ANY || reduction == PHX_ALL;
    if (reduction && reduction != PHX_ARGMAX && logical != (value.dtype == PHX_BOOL))
      refuse(format("%s of %s", opcode_name(int32_t(reduction)), dtype_name(value.dtype)));
    if (value.rank != rank) refuse(format("output %lld has rank %d", (long long)k, value.rank));
    for (int64_t d = 0; d < rank; d++) {
      const bool gone = reduction && (reduced >> d & 1);
      if (value.shape[d] != (gone ? 1 : p[4 + d]))
        refuse(format("output %lld has shape %s", (long long)k, shape_text(value).c_str()));
    }
    expect_writable(value);
  }
}

void check_dot(const Plan& plan, const Instruction& x) {
  expect_counts(x, 2, 1, 4);
  const int64_t* p = plan.params_of(x);
  const Value &lhs = plan.input(x, 0), &rhs = plan.input(x, 1), &out = plan.output(x, 0);
  for (int i = 0; i < 4; i++) require(p[i] >= 0 && p[i] <= PHX_MAX_RANK, "a negative number of axes");
  const int batch = int(p[0]), m = int(p[1]), n = int(p[2]), k = int(p[3]);
  if (lhs.rank != batch + m + k || rhs.rank != batch + k + n || out.rank != batch + m + n)
    refuse("ranks do not fit the numbers of axes");
  expect_axes(lhs, 0, rhs, 0, batch, "batch");
  expect_axes(lhs, 0, out, 0, batch + m, "batch or m");
  expect_axes(rhs, 0, out, 0, batch, "batch");
  expect_axes(lhs, batch + m, rhs, batch, k, "k");
  expect_axes(rhs, batch + k, out, batch + m, n, "n");
  expect_same_dtype(plan, x);
  if (lhs.dtype == PHX_BOOL) lack("a matrix product of bool");
}

void check_convolution(const Plan& plan, const Instruction& x) {
  expect_counts(x, 2, 1, 9);
  const int64_t* p = plan.params_of(x);
  const bool weights = x.opcode == PHX_CONV_WEIGHT_GRADIENT, inputs = x.opcode == PHX_CONV_INPUT_GRADIENT;
  const Value& image = inputs ? plan.output(x, 0) : plan.input(x, 0);
  const Value& weight = weights ? plan.output(x, 0) : plan.input(x, 1);
  const Value& out = inputs ? plan.input(x, 0) : (weights ? plan.input(x, 1) : plan.output(x, 0));
  const int64_t b = p[0];
  require(b >= 0 && b <= PHX_MAX_RANK - 4, "its number of batch axes is not in 0 .. 4");
  if (image.rank != b + 4 || weight.rank != b + 4 || out.rank != b + 4)
    refuse("ranks do not fit the batch axes");
  expect_axes(image, 0, weight, 0, b, "batch");
  expect_axes(image, 0, out, 0, b + 1, "batch or image");
  if (weight.shape[b + 1] != image.shape[b + 1] || weight.shape[b] != out.shape[b + 1])
    refuse("channels differ: x " + shape_text(image) + ", w " + shape_text(weight) + ", out " +
           shape_text(out));
  const int64_t limit = int64_t(1) << 30;
  for (int i = 1; i < 9; i++)
    require(p[i] > -limit && p[i] < limit, "a stride, padding or dilation is absurd");
  for (int d = 0; d < 2; d++) {
    const int64_t stride = p[1 + d], low = p[3 + 2 * d], high = p[4 + 2 * d], dilation = p[7 + d];
    require(stride >= 1 && dilation >= 1, "stride and dilation must be at least 1");
    const int64_t kernel = weight.shape[b + 2 + d], size = image.shape[b + 2 + d];
    require(kernel < limit && size < limit, "an image or kernel is absurdly large");
    const int64_t room = size + low + high - (kernel - 1) * dilation - 1;
    const int64_t expected = kernel < 1 || room < 0 ? 0 : room / stride + 1;
    if (kernel > 0 && out.shape[b + 2 + d] != expected)
      refuse(format("the output has %lld positions along axis %lld, and should have %lld",
                    (long long)out.shape[b + 2 + d], (long long)(b + 2 + d), (long long)expected));
  }
  expect_same_dtype(plan, x);
  if (!is_float(image.dtype)) lack(format("a convolution of %s", dtype_name(image.dtype)));
}

// x [b.., p.., n, s..], index [b.., i..], wide [b.., p.., i.., s..]
void check_index(const Plan& plan, const Instruction& x) {
  const bool gather = x.opcode == PHX_GATHER;
  expect_counts(x, gather ? 2 : 3, 1, 2);
  const int64_t axis = plan.params_of(x)[0], batch = plan.params_of(x)[1];
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
  expect_axes(index, int(batch), wide, int(axis), positions, "index");
  expect_axes(source, int(axis + 1), wide, int(axis + positions), source.rank - axis - 1, "trailing");
  if (gather) {
    if (source.shape[axis] == 0 && element_count(wide) > 0) refuse("gathers from an axis without elements");
    return;
  }
  expect_dtype(plan.output(x, 0), source.dtype, "output");
  expect_same_shape(source, plan.output(x, 0));
  if (source.shape[axis] == 0 && element_count(wide) > 0) refuse("scatters into an axis without elements");
  if (x.opcode == PHX_SCATTER_ADD && source.dtype == PHX_BOOL) lack("scatter_add of bool");
}

void check_sort(const Plan& plan, const Instruction& x) {
  expect_counts(x, 1, 2, 1);
  const Value& in = plan.input(x, 0);
  const int64_t axis = plan.params_of(x)[0];
  require(axis >= 0 && axis < in.rank, "axis is outside the rank");
  require(in.shape[axis] <= INT32_MAX, "too many elements along the axis for int32 indices");
  expect_same_shape(in, plan.output(x, 0));
  expect_same_shape(in, plan.output(x, 1));
  expect_dtype(plan.output(x, 0), in.dtype, "first output");
  expect_dtype(plan.output(x, 1), PHX_INT32, "second output");
  if (in.dtype == PHX_BOOL) lack("sort of bool");
}

void expect_square(const Value& a) {
  if (a.rank < 2 || a.shape[a.rank - 1] != a.shape[a.rank - 2])
    refuse("its input has shape " + shape_text(a) + " and should hold square matrices");
  if (!is_float(a.dtype)) lack(format("linear algebra of %s", dtype_name(a.dtype)));
}

void check_factor(const Plan& plan, const Instruction& x) {
  const bool lu = x.opcode == PHX_LU;
  expect_counts(x, 1, lu ? 2 : 1, 0);
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
  expect_counts(x, 2, 1, 3);
  const Value &a = plan.input(x, 0), &b = plan.input(x, 1);
  expect_square(a);
  if (b.rank != a.rank) refuse("ranks differ: " + shape_text(a) + " and " + shape_text(b));
  expect_axes(a, 0, b, 0, a.rank - 1, "leading");
  expect_same_shape(b, plan.output(x, 0));
  expect_same_dtype(plan, x);
}

}  // namespace

void validate_instruction(const Plan& plan, const phx_region& region, const Instruction& x) {
  for (int k = 0; k < x.outputs; k++)
    if (plan.operand(x, x.inputs + k) && x.opcode != PHX_FUSED) expect_writable(plan.output(x, k));
  switch (x.opcode) {
    case PHX_FUSED: return check_fused(plan, x);
    case PHX_ARGMAX: {
      expect_counts(x, 1, 1, 1);
      const Value &in = plan.input(x, 0), &out = plan.output(x, 0);
      const int64_t reduced = plan.params_of(x)[0];
      require(reduced >= 0 && reduced <= in.rank, "reduces more axes than there are");
      require(out.rank == in.rank - reduced, "the output's rank is wrong");
      expect_axes(in, 0, out, 0, out.rank, "leading");
      expect_dtype(out, PHX_INT32, "output");
      for (int d = out.rank; d < in.rank; d++) require(in.shape[d] > 0, "nothing to choose from");
      return;
    }
    case PHX_CUMSUM:
      expect_counts(x, 1, 1, 2);
      expect_same_shape(plan.input(x, 0), plan.output(x, 0));
      expect_same_dtype(plan, x);
      if (plan.input(x, 0).dtype == PHX_BOOL) lack("cumsum of bool");
      require(plan.params_of(x)[0] >= 0 && plan.params_of(x)[0] < plan.input(x, 0).rank,
              "axis is outside the rank");
      return;
    case PHX_SORT: return check_sort(plan, x);
    case PHX_CHOLESKY:
    case PHX_LU: return check_factor(plan, x);
    case PHX_TRIANGULAR_SOLVE: return check_triangular_solve(plan, x);
    case PHX_DOT_GENERAL: return check_dot(plan, x);
    case PHX_CONV_GENERAL:
    case PHX_CONV_INPUT_GRADIENT:
    case PHX_CONV_WEIGHT_GRADIENT: return check_convolution(plan, x);
    case PHX_COPY:
      expect_counts(x, 1, 1, 0);
      expect_same_shape(plan.input(x, 0), plan.output(x, 0));
      return expect_same_dtype(plan, x);
    case PHX_GATHER:
    case PHX_SCATTER:
    case PHX_SCATTER_ADD: return check_index(plan, x);
    case PHX_IOTA:
      expect_counts(x, 0, 1, 1);
      require(plan.params_of(x)[0] >= 0 && plan.params_of(x)[0] < plan.output(x, 0).rank,
              "axis is outside the rank");
      if (plan.output(x, 0).dtype == PHX_BOOL) lack("iota of bool");
      return;
    case PHX_RANDOM_BITS: {
      expect_counts(x, 1, 1, 0);
      const Value& key = plan.input(x, 0);
      expect_dtype(key, PHX_UINT32, "key");
      expect_dtype(plan.output(x, 0), PHX_UINT32, "output");
      require(key.rank == 1 && key.shape[0] == 2, "its key is not of shape [2]");
      return;
    }
    case PHX_CALL:
    case PHX_SCAN:
    case PHX_MAP: return validate_control(plan, region, x);
    default: lack(format("opcode %d is no instruction that this engine runs", x.opcode));
  }
}

}  // namespace phynexus
