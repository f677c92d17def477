// PHX_TRIANGULAR_SOLVE: a block some columns of a matrix; of a large one, in blocks.
#include <algorithm>
#include <utility>

#include "blocks.h"

namespace phynexus::gpu {
namespace {

constexpr int64_t most_rows = 128;  // of a triangle that is solved with in one piece

}  // namespace

void lower_triangular_solve(Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const TriangularSolve wish = read_params<TriangularSolve>(plan, instruction);
  const phx_value &a = plan.input(instruction, 0), &b = plan.input(instruction, 1),
                  &x = plan.output(instruction, 0);
  expect_float(a);
  TriangularSolveParams p;
  const int64_t count = fill_batch(p, a), n = rows_of(a), columns = b.shape[b.rank - 1];
  if (count == 0 || n == 0 || columns == 0) return;
  expect_countable(columns);
  const bool forward = wish.lower != wish.transpose;
  if (n > most_rows) return solve_in_blocks(builder, a, b, x, wish.transpose, forward, wish.unit_diagonal);
  p.a = matrices_of(builder, a);
  p.b = matrices_of(builder, b);
  p.x = matrices_of(builder, x);
  if (wish.transpose) std::swap(p.a.row, p.a.column);
  p.n = int32_t(n);
  p.columns = int32_t(columns);
  p.dtype = a.dtype;
  p.forward = forward;
  p.unit_diagonal = wish.unit_diagonal;
  p.tile_columns = solved_columns(n, columns, a.dtype);
  builder.add(handler_triangular_solve, count * ((columns - 1) / p.tile_columns + 1), p);
}

// A block of rows, then its product away from those that follow.
void solve_in_blocks(Builder& builder, const phx_value& a, const phx_value& b, const phx_value& x,
                     bool transposes, bool forward, bool unit_diagonal) {
  const Worked w = worked_in(builder, x);
  Worked triangle = worked_on(builder, a);
  if (transposes) triangle.all = transposed(triangle.all);
  const int64_t n = rows_of(a), columns = b.shape[b.rank - 1], most = w.dtype == PHX_FLOAT64 ? 32 : 64;
  move_in(builder, b, w);
  const int64_t blocks = (n - 1) / most + 1;
  for (int64_t turn = 0; turn < blocks; turn++) {
    const int64_t k = (forward ? turn : blocks - 1 - turn) * most, size = std::min(most, n - k);
    builder.next_phase();
    solve_block(builder, w, triangle.from(k, k), w.from(k, 0), size, columns, forward, unit_diagonal);
    if (turn + 1 == blocks) break;
    builder.next_phase();
    const int64_t first = forward ? k + size : 0, rest = forward ? n - first : k;
    take_product_away(builder, w, w.from(first, 0), triangle.from(first, k), w.from(k, 0), rest, columns,
                      size);
  }
  if (!is_half(x.dtype)) return;
  builder.next_phase();
  move_out(builder, w, x);
}

}  // namespace phynexus::gpu
