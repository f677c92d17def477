// Looks up kernels by opcode, dtype, and which operands are one element for the block.
#include "kernels.h"

#include "engine/failure.h"

namespace phynexus::fused {
namespace {

ElementKernel kernel_of(const RuntimeKernels& kernels, const PlacedOperation& placed) {
  const Operation& op = placed.operation;
  const auto uniform = [&](int k) { return placed.arguments[k].uniform; };
  switch (op.opcode) {
    case PHX_CAST: return kernels.cast(op.from, op.dtype);
    case PHX_BITCAST:
      return op.dtype == PHX_BOOL
                 ? kernels.cast(op.from, op.dtype)
                 : kernels.cast(op.from == PHX_BOOL ? int32_t(PHX_UINT8) : op.dtype, op.dtype);
    case PHX_WHERE:
      return kernels.where(op.dtype, !placed.single && uniform(1), !placed.single && uniform(2));
    case compare_where:
      return kernels.compare_where(op.relation, op.from, uniform(1), uniform(2), uniform(3));
    case multiply_plus:
    case multiply_minus:
    case minus_multiply: return kernels.multiply_add(op.opcode - multiply_plus, op.dtype, uniform(1));
    case fill: return kernels.splat(item_bytes(op.dtype));
    default: break;
  }
  if (placed.arity == 1) return kernels.unary(op.opcode, op.from);
  const Form form = placed.single ? Form::vectors
                    : uniform(0)  ? Form::first_uniform
                    : uniform(1)  ? Form::second_uniform
                                  : Form::vectors;
  return kernels.binary(op.opcode, op.from, form);
}

// The operation that joins two partial results.
int32_t joins(int32_t reduction) {
  switch (reduction) {
    case PHX_SUM: return PHX_ADD;
    case PHX_PROD: return PHX_MUL;
    case PHX_MAX: return PHX_MAXIMUM;
    case PHX_MIN: return PHX_MINIMUM;
    case PHX_ANY: return PHX_BITWISE_OR;
    default: return PHX_BITWISE_AND;
  }
}

[[noreturn]] void lack_kernel(int32_t opcode, int32_t dtype) {
  lack(format("%s of %s", opcode_name(opcode), dtype_name(dtype)));
}

}  // namespace

Call call_of(const RuntimeKernels& kernels, const PlacedOperation& placed) {
  Call call{.kernel = kernel_of(kernels, placed),
            .out = placed.out,
            .immediate = placed.operation.immediate,
            .single = placed.single};
  if (!call.kernel) lack_kernel(placed.operation.opcode, placed.operation.from);
  Location* operands[] = {&call.a, &call.b, &call.c, &call.fourth};
  for (int k = 0; k < placed.arity; k++) *operands[k] = placed.arguments[k].location;
  return call;
}

Reduction with_kernels(const RuntimeKernels& kernels, PlacedReduction placed) {
  Reduction reduction{std::move(placed)};
  const int32_t opcode = reduction.opcode, dtype = reduction.dtype;
  if (reduction.is_argmax()) {
    reduction.first_largest = kernels.first_largest(dtype);
    return reduction;
  }
  reduction.reduce = kernels.reduce(opcode, dtype);
  reduction.combine = kernels.binary(joins(opcode), dtype, Form::vectors);
  if (!reduction.reduce || !reduction.combine) lack_kernel(opcode, dtype);
  return reduction;
}

}  // namespace phynexus::fused
