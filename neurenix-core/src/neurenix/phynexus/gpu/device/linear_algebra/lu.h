// LU with pivots: a block factors a matrix, column after column.
#pragma once

#include "pivot.h"

namespace phynexus::gpu {

struct LuOf {
  const FactorParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    using Work = Computed<T>;
    const Matrix in = matrix_at(p.in, p.shape, p.rank, bases, tile),
                 out = matrix_at(p.out, p.shape, p.rank, bases, tile);
    char* order = at<char>(bases, p.order) + matrix_offset(p.shape, p.rank, p.order_batch, tile);
    const int n = p.n;
    Pivot<Work>* pivots = reinterpret_cast<Pivot<Work>*>(group.memory);
    Work* work = reinterpret_cast<Work*>(group.memory + linear_algebra_exchange_bytes);
    ONE_BY_ONE
    for (int e = group.thread; e < n * n; e += group.threads) work[e] = in.get<T>(e / n, e % n);
    ONE_BY_ONE
    for (int i = group.thread; i < n; i += group.threads)
      *reinterpret_cast<int32_t*>(order + i * p.order_row) = i;
    group.barrier();
    ONE_BY_ONE
    for (int k = 0; k < n; k++) {
      Pivot<Work> best{Work(0), -1};
      ONE_BY_ONE
      for (int i = k + group.thread; i < n; i += group.threads) {
        const Work x = work[i * n + k];
        best.consider(x < 0 ? -x : x, i);
      }
      best = pivot_of_all(best, pivots, group);
      if (best.row != k) {
        ONE_BY_ONE
        for (int j = group.thread; j < n; j += group.threads) {
          const Work x = work[k * n + j];
          work[k * n + j] = work[best.row * n + j];
          work[best.row * n + j] = x;
        }
        if (group.thread == 0) {
          int32_t &here = *reinterpret_cast<int32_t*>(order + k * p.order_row),
                  &there = *reinterpret_cast<int32_t*>(order + best.row * p.order_row);
          const int32_t row = here;
          here = there;
          there = row;
        }
      }
      group.barrier();
      const Work top = work[k * n + k];
      if (top == 0) continue;  // the same for all threads
      ONE_BY_ONE
      for (int i = k + 1 + group.thread; i < n; i += group.threads) work[i * n + k] /= top;
      group.barrier();
      const int rest = n - k - 1;
      ONE_BY_ONE
      for (int e = group.thread; e < rest * rest; e += group.threads) {
        const int i = k + 1 + e / rest, j = k + 1 + e % rest;
        work[i * n + j] = minus_product(work[i * n + j], work[i * n + k], work[k * n + j]);
      }
      group.barrier();
    }
    ONE_BY_ONE
    for (int e = group.thread; e < n * n; e += group.threads) out.put<T>(e / n, e % n, work[e]);
  }
};

DEVICE_CALL void lu(const FactorParams& p, char* const* bases, int64_t tile, const Group& group) {
  with_float_type(p.dtype, LuOf{p, bases, tile, group});
}

}  // namespace phynexus::gpu
