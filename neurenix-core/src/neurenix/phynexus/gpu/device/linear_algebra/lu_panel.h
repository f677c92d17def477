// LU of a large matrix: a block factors some columns, then many exchange the rows of the others.
#pragma once

#include "pivot.h"

namespace phynexus::gpu {

// The elements of `order` of matrix `index`.
template <class Params>
DEVICE int32_t& order_at(const Params& p, char* const* bases, int64_t index, int64_t row) {
  char* order = at<char>(bases, p.order) + matrix_offset(p.shape, p.rank, p.order_batch, index);
  return *reinterpret_cast<int32_t*>(order + row * p.order_row);
}

struct LuPanel {
  const LuPanelParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    const Matrix m = matrix_at(p.at, p.shape, p.rank, bases, tile);
    const int rows = p.rows, columns = p.columns;
    T* work = at<T>(bases, p.copies) + tile * rows * columns;
    int32_t* rows_taken = at<int32_t>(bases, p.pivots) + tile * p.pivot_stride;
    Pivot<T>* exchange = reinterpret_cast<Pivot<T>*>(group.memory);
    ONE_BY_ONE
    for (int64_t e = group.thread; e < int64_t(rows) * columns; e += group.threads) {
      const int i = int(e / columns), j = int(e % columns);
      work[int64_t(j) * rows + i] = m.get<T>(i, j);
    }
    ONE_BY_ONE
    for (int i = group.thread; p.begins && i < p.order_rows; i += group.threads)
      order_at(p, bases, tile, i) = i;
    group.barrier();
    // A thread has the same rows in all columns, so that only an exchange of rows needs barriers.
    ONE_BY_ONE
    for (int k = 0; k < columns; k++) {
      T* const column = work + int64_t(k) * rows;
      const int own = k + (group.thread - k % group.threads + group.threads) % group.threads;
      Pivot<T> best{T(0), -1};
      ONE_BY_ONE
      for (int i = own; i < rows; i += group.threads)
        best.consider(column[i] < 0 ? -column[i] : column[i], i);
      best = pivot_of_all(best, exchange, group);
      if (group.thread == 0) rows_taken[k] = best.row;
      if (best.row != k) {
        ONE_BY_ONE
        for (int j = group.thread; j < columns; j += group.threads) {
          T &here = work[int64_t(j) * rows + k], &there = work[int64_t(j) * rows + best.row];
          const T x = here;
          here = there;
          there = x;
        }
      }
      group.barrier();
      const T top = column[k];
      if (top == 0) continue;  // the same for all threads
      ONE_BY_ONE
      for (int i = own == k ? k + group.threads : own; i < rows; i += group.threads) {
        const T factor = column[i] / top;
        column[i] = factor;
        ONE_BY_ONE
        for (int j = k + 1; j < columns; j++) {
          T* const other = work + int64_t(j) * rows;
          other[i] = minus_product(other[i], factor, other[k]);
        }
      }
    }
    group.barrier();
    ONE_BY_ONE
    for (int64_t e = group.thread; e < int64_t(rows) * columns; e += group.threads) {
      const int i = int(e / columns), j = int(e % columns);
      m.put<T>(i, j, work[int64_t(j) * rows + i]);
    }
  }
};

DEVICE_CALL void lu_panel(const LuPanelParams& p, char* const* bases, int64_t tile, const Group& group) {
  if (p.dtype == dtype_float64) LuPanel{p, bases, tile, group}(double());
  else LuPanel{p, bases, tile, group}(float());
}

struct SwapRows {
  const SwapRowsParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    const int pieces = (p.columns - 1) / p.tile_columns + 2, piece = int(tile % pieces);
    const int64_t index = tile / pieces;
    const int32_t* rows_taken = at<int32_t>(bases, p.pivots) + index * p.pivot_stride;
    if (piece == pieces - 1) {
      if (group.thread > 0) return;
      ONE_BY_ONE
      for (int k = 0; k < p.swaps; k++) {
        int32_t &here = order_at(p, bases, index, k), &there = order_at(p, bases, index, rows_taken[k]);
        const int32_t row = here;
        here = there;
        there = row;
      }
      return;
    }
    const Matrix m = matrix_at(p.at, p.shape, p.rank, bases, index);
    const int first = piece * p.tile_columns;
    const int end = p.columns - first < p.tile_columns ? p.columns : first + p.tile_columns;
    ONE_BY_ONE
    for (int j = first + group.thread; j < end; j += group.threads) {
      if (j >= p.panel && j < p.panel + p.swaps) continue;
      ONE_BY_ONE
      for (int k = 0; k < p.swaps; k++) {
        if (rows_taken[k] == k) continue;
        const T x = m.get<T>(k, j);
        m.put<T>(k, j, m.get<T>(rows_taken[k], j));
        m.put<T>(rows_taken[k], j, x);
      }
    }
  }
};

DEVICE_CALL void swap_rows(const SwapRowsParams& p, char* const* bases, int64_t tile, const Group& group) {
  if (p.dtype == dtype_float64) SwapRows{p, bases, tile, group}(double());
  else SwapRows{p, bases, tile, group}(float());
}

}  // namespace phynexus::gpu
