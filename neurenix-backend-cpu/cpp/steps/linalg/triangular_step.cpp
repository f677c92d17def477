// Solving with a triangle: some columns of the right-hand sides at a time, in a worker's memory.
#include <algorithm>

#include "engine/plan/instructions.h"
#include "matrices.h"

namespace phynexus {
namespace {

constexpr int64_t columns_at_once = 64;

struct Triangle {
  int64_t n;
  bool forward, unit_diagonal;
};

// The matrix `a` is seen as it is solved with: its transpose has the strides the other way round.
template <class T>
void solve(const Triangle& triangle, const Matrix& a, const Matrix& b, const Matrix& x, T* rows,
           int64_t columns) {
  const int64_t n = triangle.n;
  for (int64_t step = 0; step < n; step++) {
    const int64_t i = triangle.forward ? step : n - 1 - step;
    T* row = rows + i * columns;
    for (int64_t c = 0; c < columns; c++) row[c] = b.at<T>(i, c);
    const int64_t first = triangle.forward ? 0 : i + 1, last = triangle.forward ? i : n;
    for (int64_t j = first; j < last; j++) subtract_scaled(row, rows + j * columns, a.at<T>(i, j), columns);
    if (!triangle.unit_diagonal)
      for (int64_t c = 0; c < columns; c++) row[c] /= a.at<T>(i, i);
    for (int64_t c = 0; c < columns; c++) x.at<T>(i, c) = row[c];
  }
}

struct TriangularStep final : Step {
  Place a, b, x;
  Matrix a_matrix{}, b_matrix{}, x_matrix{};
  Triangle triangle{};
  int64_t columns = 0;
  bool wide = false;
  Walk<3> batch;

  void run(const Frame& frame) const override {
    const int64_t n = triangle.n, pieces = (columns + columns_at_once - 1) / columns_at_once;
    if (n == 0 || pieces == 0) return;
    parallel_ranges(frame, batch.total() * pieces, matrix_grain(n * n * std::min(columns, columns_at_once)),
                    [&](int64_t begin, int64_t end, Worker& worker) {
                      char* memory = worker.own.at_least(n * columns_at_once * (wide ? 8 : 4));
                      for (int64_t i = begin; i < end; i++) {
                        const auto at = batch.offsets(i / pieces);
                        const int64_t first = i % pieces * columns_at_once,
                                      count = std::min(columns_at_once, columns - first);
                        const Matrix with = placed(a_matrix, a, frame, at[0]);
                        const Matrix from = placed(b_matrix, b, frame, at[1] + first * b_matrix.column);
                        const Matrix to = placed(x_matrix, x, frame, at[2] + first * x_matrix.column);
                        if (wide) solve(triangle, with, from, to, reinterpret_cast<double*>(memory), count);
                        else solve(triangle, with, from, to, reinterpret_cast<float*>(memory), count);
                      }
                    });
  }
};

}  // namespace

StepPointer lower_triangular_solve(Lowering& lowering, const phx_instruction& instruction) {
  const Plan& plan = lowering.plan;
  const phx_value &a = plan.input(instruction, 0), &b = plan.input(instruction, 1),
                  &x = plan.output(instruction, 0);
  const TriangularSolve p = read_params<TriangularSolve>(plan, instruction);
  auto step = std::make_unique<TriangularStep>();
  step->a = lowering.place(a);
  step->b = lowering.place(b);
  step->x = lowering.place(x);
  step->a_matrix = matrix_of(a);
  if (p.transpose) std::swap(step->a_matrix.row, step->a_matrix.column);
  step->b_matrix = matrix_of(b);
  step->x_matrix = matrix_of(x);
  step->triangle = {
      .n = a.shape[a.rank - 1], .forward = p.lower != p.transpose, .unit_diagonal = p.unit_diagonal};
  step->columns = b.shape[b.rank - 1];
  step->wide = a.dtype == PHX_FLOAT64;
  for (int d = 0; d < a.rank - 2; d++)
    step->batch.add_axis(a.shape[d], {byte_stride(a, d), byte_stride(b, d), byte_stride(x, d)});
  return step;
}

}  // namespace phynexus
