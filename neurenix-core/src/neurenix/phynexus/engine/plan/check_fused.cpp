// Checks PHX_FUSED: registers, dtypes, and the shapes of inputs and outputs.
#include "check.h"

namespace phynexus {
namespace {

bool compares(int64_t opcode) { return opcode >= PHX_EQUAL && opcode <= PHX_GREATER_EQUAL; }

// One op, given the dtypes of the registers before it.
void check_op(const Fused::Op& op, const std::vector<int32_t>& dtypes) {
  const int operands = arity(op.opcode);
  if (!operands) refuse(format("%lld is no elementwise opcode", (long long)op.opcode));
  const char* name = opcode_name(int32_t(op.opcode));
  const int64_t named[3] = {op.a, op.b, op.c};
  int32_t types[3] = {-1, -1, -1};
  for (int k = 0; k < operands; k++) {
    if (named[k] < 0 || named[k] >= int64_t(dtypes.size()))
      refuse(format("op %s names register %lld, which is not earlier", name, (long long)named[k]));
    types[k] = dtypes[size_t(named[k])];
  }
  if (op.dtype < 0 || op.dtype > PHX_BOOL) refuse("an op's result has an unknown dtype");
  const int32_t result = int32_t(op.dtype);
  int32_t expected = types[0];
  if (op.opcode == PHX_CAST || op.opcode == PHX_BITCAST) expected = result;
  if (op.opcode == PHX_BITCAST && item_bytes(expected) != item_bytes(types[0]))
    refuse("bitcast between dtypes of different sizes");
  if (op.opcode == PHX_IS_FINITE || compares(op.opcode)) expected = PHX_BOOL;
  if (op.opcode == PHX_WHERE) {
    if (types[0] != PHX_BOOL) refuse("the condition of where is not bool");
    if (types[1] != types[2]) refuse("the two values of where differ in dtype");
    expected = types[1];
  } else if (operands == 2 && types[0] != types[1]) {
    refuse(format("op %s: operands of dtype %s and %s", name, dtype_name(types[0]), dtype_name(types[1])));
  }
  if (result != expected)
    refuse(format("op %s gives %s, and the plan says %s", name, dtype_name(expected), dtype_name(result)));
  if (op.opcode == PHX_INTEGER_POW && op.immediate < 0 && !is_float(types[0]))
    refuse("a negative power of integers");
}

void check_reduction(int64_t reduction, int32_t dtype, int k) {
  if (reduction < PHX_SUM || reduction > PHX_ALL)
    refuse(format("output %d has the unknown reduction %lld", k, (long long)reduction));
  const char* name = opcode_name(int32_t(reduction));
  const bool logical = reduction == PHX_ANY || reduction == PHX_ALL;
  if (reduction != PHX_ARGMAX && logical != (dtype == PHX_BOOL))
    refuse(format("%s of %s", name, dtype_name(dtype)));
}

}  // namespace

void check_fused(const Plan& plan, const Instruction& x) {
  const Fused p = read_params<Fused>(plan, x);
  const int64_t rank = int64_t(p.shape.size());
  require(rank <= PHX_MAX_RANK, "its rank is not in 0 .. 8");
  require(p.ends.size() == size_t(x.outputs), "its counts of ops or outputs are wrong");
  require(x.inputs >= 1 && x.inputs < 4096 && x.outputs >= 1 && x.outputs < 4096,
          "its number of operands is wrong");
  require(p.reduced >= 0 && p.reduced < int64_t(1) << rank, "its reduced axes are not in its rank");
  int64_t total = 1;
  for (const int64_t size : p.shape) {
    require(size >= 0, "a negative size");
    total = times(total, size ? size : 1);
  }
  std::vector<int32_t> dtypes;
  for (int k = 0; k < x.inputs; k++) {
    const Value& value = plan.input(x, k);
    if (value.rank != rank) refuse(format("input %d has rank %d, not %lld", k, value.rank, (long long)rank));
    for (int64_t d = 0; d < rank; d++)
      if (value.shape[d] != p.shape[size_t(d)])
        refuse(format("input %d has shape %s", k, shape_text(value).c_str()));
    dtypes.push_back(value.dtype);
  }
  for (const Fused::Op& op : p.ops) {
    check_op(op, dtypes);
    dtypes.push_back(int32_t(op.dtype));
  }
  for (int k = 0; k < x.outputs; k++) {
    const Fused::End& end = p.ends[size_t(k)];
    if (end.value < 0 || end.value >= int64_t(dtypes.size()))
      refuse(format("output %d names no register", k));
    const Value& value = plan.output(x, k);
    const bool argmax = end.reduction == PHX_ARGMAX;
    expect_dtype(value, argmax ? int32_t(PHX_INT32) : dtypes[size_t(end.value)], "output");
    if (end.reduction) check_reduction(end.reduction, value.dtype, k);
    if (value.rank != rank) refuse(format("output %d has rank %d", k, value.rank));
    for (int64_t d = 0; d < rank; d++) {
      const bool gone = end.reduction && (p.reduced >> d & 1);
      if (value.shape[d] != (gone ? 1 : p.shape[size_t(d)]))
        refuse(format("output %d has shape %s", k, shape_text(value).c_str()));
    }
    expect_writable(value);
  }
}

}  // namespace phynexus
