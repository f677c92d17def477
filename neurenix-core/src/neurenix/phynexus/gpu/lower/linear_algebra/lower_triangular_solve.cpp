// PHX_TRIANGULAR_SOLVE: a block some columns of a matrix.
#include <algorithm>
#include <utility>

#include "matrices.h"

namespace phynexus::gpu {
namespace {

constexpr int64_t most_rows = 1 << 24;  // 64 columns of which are counted in 32 bits

}  // namespace

void lower_triangular_solve(Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const TriangularSolve wish = read_params<TriangularSolve>(plan, instruction);
  const phx_value &a = plan.input(instruction, 0), &b = plan.input(instruction, 1),
                  &x = plan.output(instruction, 0);
  expect_float(a);
  TriangularSolveParams p;
  p.a = matrices_of(builder, a);
  p.b = matrices_of(builder, b);
  p.x = matrices_of(builder, x);
  if (wish.transpose) std::swap(p.a.row, p.a.column);
  const int64_t count = fill_batch(p, a), n = a.shape[a.rank - 1], columns = b.shape[b.rank - 1];
  if (count == 0 || n == 0 || columns == 0) return;
  if (n > most_rows) lack(format("solving with a triangle of %lld rows", (long long)n));
  p.n = int32_t(n);
  p.columns = int32_t(columns);
  p.dtype = a.dtype;
  p.forward = wish.lower != wish.transpose;
  p.unit_diagonal = wish.unit_diagonal;
  // Few enough columns for shared memory, where there are any; enough of them to read each element of `a` seldom.
  const int64_t item = computed_bytes(p.dtype), fitting = linear_algebra_matrix_bytes / (n * item);
  p.in_shared_memory = fitting >= std::min<int64_t>(columns, 8);
  p.tile_columns =
      int32_t(std::min<int64_t>(columns, p.in_shared_memory ? std::min<int64_t>(fitting, 64) : 64));
  const int64_t tiles = count * ((columns + p.tile_columns - 1) / p.tile_columns);
  if (!p.in_shared_memory) p.copies = builder.workspace(tiles * n * p.tile_columns * item);
  builder.add(handler_triangular_solve, tiles, p);
}

}  // namespace phynexus::gpu
