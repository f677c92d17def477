// Cholesky: a block factors a matrix, column after column, taking each away from what lies right of it.
#pragma once

#include "matrices.h"

namespace phynexus::gpu {

struct CholeskyOf {
  const FactorParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    using Work = Computed<T>;
    const Matrix in = matrix_at(p.in, p.shape, p.rank, bases, tile),
                 out = matrix_at(p.out, p.shape, p.rank, bases, tile);
    const int n = p.n;
    Work* work = reinterpret_cast<Work*>(group.memory + linear_algebra_exchange_bytes);
    ONE_BY_ONE
    for (int e = group.thread; e < n * n; e += group.threads) {
      const int i = e / n, j = e % n;
      if (j <= i) work[e] = in.get<T>(i, j);
    }
    group.barrier();
    bool definite = true;
    ONE_BY_ONE
    for (int k = 0; k < n && definite; k++) {
      const Work left = work[k * n + k];
      definite = left > 0;  // false for NaN, and the same for all threads
      if (!definite) break;
      const Work diagonal = square_root(left);
      group.barrier();  // all have read it
      ONE_BY_ONE
      for (int i = k + group.thread; i < n; i += group.threads)
        work[i * n + k] = i == k ? diagonal : work[i * n + k] / diagonal;
      group.barrier();
      const int rest = n - k - 1;
      ONE_BY_ONE
      for (int e = group.thread; e < rest * rest; e += group.threads) {
        const int i = k + 1 + e / rest, j = k + 1 + e % rest;
        if (j <= i) work[i * n + j] = minus_product(work[i * n + j], work[i * n + k], work[j * n + k]);
      }
      group.barrier();
    }
    ONE_BY_ONE
    for (int e = group.thread; e < n * n; e += group.threads) {
      const int i = e / n, j = e % n;
      out.put<T>(i, j, !definite ? Work(NAN) : j <= i ? work[e] : Work(0));
    }
  }
};

DEVICE_CALL void cholesky(const FactorParams& p, char* const* bases, int64_t tile, const Group& group) {
  with_float_type(p.dtype, CholeskyOf{p, bases, tile, group});
}

}  // namespace phynexus::gpu
