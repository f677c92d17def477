// A product whose operands both run along k: each output is a dot product. Best when outputs are few (a
// matrix times a vector, the distances of a few embeddings), where packing an operand would cost more than
// the work.
#pragma once

#include <utility>

#include "contract_vectors.h"

namespace phynexus::PHYNEXUS_ISA::contract {

// Halves are added until one lane is left.
template <int N, class V, int... I>
PHYNEXUS_INLINE auto fold_lanes(V v, std::integer_sequence<int, I...>) {
  const auto half = __builtin_shufflevector(v, v, I...) + __builtin_shufflevector(v, v, (I + N / 2)...);
  if constexpr (N == 4) return half[0] + half[1];
  else return fold_lanes<N / 2>(half, std::make_integer_sequence<int, N / 4>());
}
template <class T>
PHYNEXUS_INLINE T sum_of_lanes(Vector<T> v) {
  if constexpr (lanes<T> == 2) return v[0] + v[1];
  else return fold_lanes<lanes<T>>(v, std::make_integer_sequence<int, lanes<T> / 2>());
}

template <class T, int R, int C>
void dot_tile(int64_t k, const T* lhs, int64_t lhs_m, const T* rhs, int64_t rhs_n, T* out, int64_t out_m,
              int64_t out_n) {
  constexpr int W = lanes<T>;
  Vector<T> sum[R][C] = {};
  int64_t i = 0;
  for (; i + W <= k; i += W) {
    Vector<T> b[C];
    PHYNEXUS_UNROLL for (int c = 0; c < C; c++) b[c] = load(rhs + c * rhs_n + i);
    PHYNEXUS_UNROLL for (int r = 0; r < R; r++) {
      const Vector<T> a = load(lhs + r * lhs_m + i);
      PHYNEXUS_UNROLL for (int c = 0; c < C; c++) sum[r][c] += a * b[c];
    }
  }
  if (i < k) {
    const Head<T> head(k - i);
    Vector<T> b[C];
    PHYNEXUS_UNROLL for (int c = 0; c < C; c++) b[c] = load(rhs + c * rhs_n + i, head);
    PHYNEXUS_UNROLL for (int r = 0; r < R; r++) {
      const Vector<T> a = load(lhs + r * lhs_m + i, head);
      PHYNEXUS_UNROLL for (int c = 0; c < C; c++) sum[r][c] += a * b[c];
    }
  }
  PHYNEXUS_UNROLL for (int r = 0; r < R; r++) PHYNEXUS_UNROLL for (int c = 0; c < C; c++)
      out[r * out_m + c * out_n] = sum_of_lanes<T>(sum[r][c]);
}

template <class T, int C>
PHYNEXUS_INLINE void dot_columns(int64_t m, int64_t k, const T* lhs, int64_t lhs_m, const T* rhs,
                                 int64_t rhs_n, T* out, int64_t out_m, int64_t out_n) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4)
    dot_tile<T, 4, C>(k, lhs + i * lhs_m, lhs_m, rhs, rhs_n, out + i * out_m, out_m, out_n);
  for (; i < m; i++) dot_tile<T, 1, C>(k, lhs + i * lhs_m, lhs_m, rhs, rhs_n, out + i * out_m, out_m, out_n);
}

// out[i, j] = sum over k of lhs[i * lhs_m + k] * rhs[j * rhs_n + k]
template <class T>
void dot_products(int64_t m, int64_t n, int64_t k, const T* lhs, int64_t lhs_m, const T* rhs, int64_t rhs_n,
                  T* out, int64_t out_m, int64_t out_n) {
  int64_t j = 0;
  for (; j + 4 <= n; j += 4)
    dot_columns<T, 4>(m, k, lhs, lhs_m, rhs + j * rhs_n, rhs_n, out + j * out_n, out_m, out_n);
  for (; j < n; j++)
    dot_columns<T, 1>(m, k, lhs, lhs_m, rhs + j * rhs_n, rhs_n, out + j * out_n, out_m, out_n);
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
