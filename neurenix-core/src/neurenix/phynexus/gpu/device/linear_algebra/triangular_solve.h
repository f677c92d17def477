// Solving with a triangle: a block takes some columns, and each row that is solved away from those that follow.
#pragma once

#include "matrices.h"

namespace phynexus::gpu {

struct TriangularSolveOf {
  const TriangularSolveParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    using Work = Computed<T>;
    const int pieces = (p.columns - 1) / p.tile_columns + 1, n = p.n;
    const int64_t index = tile / pieces;
    const int first = int(tile % pieces) * p.tile_columns;
    const int width = p.columns - first < p.tile_columns ? p.columns - first : p.tile_columns;
    const Matrix a = matrix_at(p.a, p.shape, p.rank, bases, index),
                 b = matrix_at(p.b, p.shape, p.rank, bases, index),
                 x = matrix_at(p.x, p.shape, p.rank, bases, index);
    Work* work = reinterpret_cast<Work*>(group.memory + linear_algebra_exchange_bytes);
    ONE_BY_ONE
    for (int e = group.thread; e < n * width; e += group.threads)
      work[e] = b.get<T>(e / width, first + e % width);
    group.barrier();
    ONE_BY_ONE
    for (int step = 0; step < n; step++) {
      const int i = p.forward ? step : n - 1 - step;
      Work* solved = work + i * width;
      if (!p.unit_diagonal) {
        ONE_BY_ONE
        for (int c = group.thread; c < width; c += group.threads) solved[c] /= a.get<T>(i, i);
        group.barrier();
      }
      const int begin = p.forward ? i + 1 : 0, rows = p.forward ? n - i - 1 : i;
      ONE_BY_ONE
      for (int e = group.thread; e < rows * width; e += group.threads) {
        const int j = begin + e / width, c = e % width;
        work[j * width + c] = minus_product(work[j * width + c], a.get<T>(j, i), solved[c]);
      }
      group.barrier();
    }
    ONE_BY_ONE
    for (int e = group.thread; e < n * width; e += group.threads)
      x.put<T>(e / width, first + e % width, work[e]);
  }
};

DEVICE_CALL void triangular_solve(const TriangularSolveParams& p, char* const* bases, int64_t tile,
                                  const Group& group) {
  with_float_type(p.dtype, TriangularSolveOf{p, bases, tile, group});
}

}  // namespace phynexus::gpu
