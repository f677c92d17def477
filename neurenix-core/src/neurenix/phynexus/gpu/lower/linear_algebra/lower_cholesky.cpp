// PHX_CHOLESKY: a block a matrix where it fits into shared memory, else in blocks.
#include <algorithm>

#include "blocks.h"

namespace phynexus::gpu {

void lower_cholesky(Builder& builder, const phx_instruction& instruction) {
  const phx_value &in = builder.plan.input(instruction, 0), &out = builder.plan.output(instruction, 0);
  expect_float(in);
  FactorParams p;
  const int64_t count = fill_batch(p, in), n = rows_of(in);
  if (count == 0 || n == 0) return;
  if (!fits_shared_memory(n, n, in.dtype)) return cholesky_in_blocks(builder, in, out);
  p.in = matrices_of(builder, in);
  p.out = matrices_of(builder, out);
  p.n = int32_t(n);
  p.dtype = in.dtype;
  builder.add(handler_cholesky, count, p);
}

// Golub and Van Loan, "Matrix Computations", 4th edition, algorithm 4.2.2 in blocks: the diagonal block, what lies
// below it, then the product of that with its transpose away from the rest. A block that is not positive definite is
// NaN, and so becomes all that follows.
void cholesky_in_blocks(Builder& builder, const phx_value& in, const phx_value& out) {
  const Worked w = worked_in(builder, out);
  const int64_t n = rows_of(in), most = w.dtype == PHX_FLOAT64 ? 32 : 64;
  move_in(builder, in, w);
  for (int64_t k = 0; k < n; k += most) {
    const int64_t size = std::min(most, n - k), next = k + size, rest = n - next;
    builder.next_phase();
    FactorParams factor;
    factor.in = factor.out = w.from(k, k);
    w.fill_batch(factor);
    factor.n = int32_t(size);
    factor.dtype = w.dtype;
    builder.add(handler_cholesky, w.count, factor);
    if (rest == 0) break;
    builder.next_phase();
    solve_block(builder, w, w.from(k, k), transposed(w.from(next, k)), size, rest, true, false);
    builder.next_phase();
    // Only the lower triangle: some columns at a time, each from its diagonal on.
    const int64_t width = std::max<int64_t>(512, (rest / 8 + 63) / 64 * 64);
    for (int64_t j = next; j < n; j += width)
      take_product_away(builder, w, w.from(j, j), w.from(j, k), transposed(w.from(j, k)), n - j,
                        std::min(width, n - j), size);
  }
  builder.next_phase();
  move_factor_out(builder, w, out);
}

}  // namespace phynexus::gpu
