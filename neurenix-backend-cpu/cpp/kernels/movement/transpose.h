// Between rows in memory and vectors across those rows: how transposed operands are packed and results put
// back. float is transposed in registers, four columns at a time; double by plain loops.
#pragma once

#include <utility>

#include "../contract/contract_vectors.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template <int N>
struct FloatBlocks {
  typedef float type __attribute__((vector_size(4 * N)));
  typedef float unaligned __attribute__((vector_size(4 * N), aligned(4), may_alias));
};
using FloatBlock = FloatBlocks<4>::unaligned;

// Four vectors of N lanes as N / 4 blocks of 4 by 4, block l of a[r] holding four values of row 4 l + r.
// Transposing each block gives vectors across N rows; it is its own inverse.
template <int N, int... I>
PHYNEXUS_INLINE void transpose_blocks(typename FloatBlocks<N>::type a[4], std::integer_sequence<int, I...>) {
  const auto low01 = __builtin_shufflevector(a[0], a[1], ((I & ~3) + (I % 4) / 2 + (I % 2) * N)...);
  const auto high01 = __builtin_shufflevector(a[0], a[1], ((I & ~3) + 2 + (I % 4) / 2 + (I % 2) * N)...);
  const auto low23 = __builtin_shufflevector(a[2], a[3], ((I & ~3) + (I % 4) / 2 + (I % 2) * N)...);
  const auto high23 = __builtin_shufflevector(a[2], a[3], ((I & ~3) + 2 + (I % 4) / 2 + (I % 2) * N)...);
  a[0] = __builtin_shufflevector(low01, low23, ((I & ~3) + I % 2 + (I % 4) / 2 * N)...);
  a[1] = __builtin_shufflevector(low01, low23, ((I & ~3) + 2 + I % 2 + (I % 4) / 2 * N)...);
  a[2] = __builtin_shufflevector(high01, high23, ((I & ~3) + I % 2 + (I % 4) / 2 * N)...);
  a[3] = __builtin_shufflevector(high01, high23, ((I & ~3) + 2 + I % 2 + (I % 4) / 2 * N)...);
}
template <int N>
PHYNEXUS_INLINE typename FloatBlocks<N>::type gather_blocks(const float* p, int64_t stride) {
  if constexpr (N == 4) {
    return *reinterpret_cast<const FloatBlock*>(p);
  } else if constexpr (N == 8) {
    const auto low = gather_blocks<4>(p, stride), high = gather_blocks<4>(p + stride, stride);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
  } else {
    const auto low = gather_blocks<8>(p, stride), high = gather_blocks<8>(p + 2 * stride, stride);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }
}
template <int N>
PHYNEXUS_INLINE void scatter_blocks(float* p, int64_t stride, typename FloatBlocks<N>::type v) {
  if constexpr (N == 4) {
    *reinterpret_cast<FloatBlock*>(p) = v;
  } else if constexpr (N == 8) {
    scatter_blocks<4>(p, stride, __builtin_shufflevector(v, v, 0, 1, 2, 3));
    scatter_blocks<4>(p + stride, stride, __builtin_shufflevector(v, v, 4, 5, 6, 7));
  } else {
    scatter_blocks<8>(p, stride, __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7));
    scatter_blocks<8>(p + 2 * stride, stride, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
  }
}

template <class T>
constexpr bool transposes_in_registers = sizeof(T) == 4;

// to(c)[r] = from[r * row_stride + c] for r < N and c < columns, in order of c.
template <int N, class To>
PHYNEXUS_INLINE void gather_columns(const float* from, int64_t row_stride, int64_t columns, To to) {
  int64_t c = 0;
  for (; c + 4 <= columns; c += 4) {
    typename FloatBlocks<N>::type a[4];
    for (int r = 0; r < 4; r++) a[r] = gather_blocks<N>(from + c + r * row_stride, 4 * row_stride);
    transpose_blocks<N>(a, std::make_integer_sequence<int, N>());
    for (int i = 0; i < 4; i++) *reinterpret_cast<typename FloatBlocks<N>::unaligned*>(to(c + i)) = a[i];
  }
  for (; c < columns; c++) {
    float* p = to(c);
    for (int r = 0; r < N; r++) p[r] = from[r * row_stride + c];
  }
}
template <int N, class From>
PHYNEXUS_INLINE void scatter_columns(From from, float* to, int64_t row_stride, int64_t columns) {
  int64_t c = 0;
  for (; c + 4 <= columns; c += 4) {
    typename FloatBlocks<N>::type a[4];
    for (int i = 0; i < 4; i++)
      a[i] = *reinterpret_cast<const typename FloatBlocks<N>::unaligned*>(from(c + i));
    transpose_blocks<N>(a, std::make_integer_sequence<int, N>());
    for (int r = 0; r < 4; r++) scatter_blocks<N>(to + c + r * row_stride, 4 * row_stride, a[r]);
  }
  for (; c < columns; c++) {
    const float* p = from(c);
    for (int r = 0; r < N; r++) to[r * row_stride + c] = p[r];
  }
}

// to(c)[r] = from[r * row_stride + c] for r < rows, c < columns.
template <class T, class To>
PHYNEXUS_INLINE void rows_to_vectors(const T* from, int64_t row_stride, int64_t rows, int64_t columns,
                                     To to) {
  int64_t done = 0;
  if constexpr (transposes_in_registers<T>) {
    for (; done + lanes<T> <= rows; done += lanes<T>)
      gather_columns<lanes<T>>(from + done * row_stride, row_stride, columns,
                               [&](int64_t c) { return to(c) + done; });
    for (; done + 4 <= rows; done += 4)
      gather_columns<4>(from + done * row_stride, row_stride, columns,
                        [&](int64_t c) { return to(c) + done; });
  }
  for (; done < rows; done++)
    for (int64_t c = 0; c < columns; c++) to(c)[done] = from[done * row_stride + c];
}

// to[r * row_stride + c] = from(c)[r] for r < rows, c < columns.
template <class T, class From>
PHYNEXUS_INLINE void vectors_to_rows(From from, T* to, int64_t row_stride, int64_t rows, int64_t columns) {
  int64_t done = 0;
  if constexpr (transposes_in_registers<T>) {
    for (; done + lanes<T> <= rows; done += lanes<T>)
      scatter_columns<lanes<T>>([&](int64_t c) { return from(c) + done; }, to + done * row_stride, row_stride,
                                columns);
    for (; done + 4 <= rows; done += 4)
      scatter_columns<4>([&](int64_t c) { return from(c) + done; }, to + done * row_stride, row_stride,
                         columns);
  }
  for (; done < rows; done++)
    for (int64_t c = 0; c < columns; c++) to[done * row_stride + c] = from(c)[done];
}

// A matrix of any strides into one with unit column stride: to[r * to_stride + c] = from[r * row_stride + c *
// column_stride].
template <class T>
void copy_matrix(const T* from, int64_t row_stride, int64_t column_stride, T* to, int64_t to_stride,
                 int64_t rows, int64_t columns) {
  if (column_stride == 1 || row_stride != 1) {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++) to[r * to_stride + c] = from[r * row_stride + c * column_stride];
    return;
  }
  rows_to_vectors(from, column_stride, columns, rows, [=](int64_t r) { return to + r * to_stride; });
}

// The other way round: to may have any strides.
template <class T>
void copy_matrix_out(const T* from, int64_t from_stride, T* to, int64_t row_stride, int64_t column_stride,
                     int64_t rows, int64_t columns) {
  if (row_stride != 1) {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        to[r * row_stride + c * column_stride] = from[r * from_stride + c];
    return;
  }
  vectors_to_rows([=](int64_t r) { return from + r * from_stride; }, to, column_stride, columns, rows);
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
