// PHX_CHOLESKY and PHX_LU: a block a matrix.
#include "matrices.h"

namespace phynexus::gpu {
namespace {

constexpr int64_t most_rows = 32768;  // whose elements are counted in 32 bits

void lower_factor(Builder& builder, const phx_instruction& instruction, Handler handler) {
  const Plan& plan = builder.plan;
  const phx_value &in = plan.input(instruction, 0), &out = plan.output(instruction, 0);
  expect_float(in);
  FactorParams p;
  p.in = matrices_of(builder, in);
  p.out = matrices_of(builder, out);
  const int64_t count = fill_batch(p, in), n = in.shape[in.rank - 1];
  if (count == 0 || n == 0) return;
  if (n > most_rows) lack(format("a factor of a matrix of %lld rows", (long long)n));
  p.n = int32_t(n);
  p.dtype = in.dtype;
  if (handler == handler_lu) {
    const phx_value& order = plan.output(instruction, 1);
    p.order = builder.place(order);
    for (int d = 0; d < p.rank; d++) p.order_batch[d] = order.strides[d] * item_bytes(order.dtype);
    p.order_row = order.strides[p.rank] * item_bytes(order.dtype);
  }
  const int64_t bytes = n * n * computed_bytes(p.dtype);
  p.in_shared_memory = bytes <= linear_algebra_matrix_bytes;
  if (!p.in_shared_memory) p.copies = builder.workspace(count * bytes);
  builder.add(handler, count, p);
}

}  // namespace

void lower_cholesky(Builder& builder, const phx_instruction& instruction) {
  lower_factor(builder, instruction, handler_cholesky);
}

void lower_lu(Builder& builder, const phx_instruction& instruction) {
  lower_factor(builder, instruction, handler_lu);
}

}  // namespace phynexus::gpu
