// The register tiles themselves and their tables; included once for each element type.
#pragma once

#include "product_tile.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template <class T, int R, int V, Tail Kind, bool Adjacent>
void product_tile(const TileCall<T>& call) {
  constexpr int W = lanes<T>, whole = Kind == Tail::whole ? V : V - 1, last = (V - 1) * W;
  const Head<T> head(Kind == Tail::whole ? 0 : call.tail);
  const auto load_last = [&](const T* p) {
    if constexpr (Kind == Tail::half) return load_half(p + last, head);
    else return load(p + last, head);
  };
  using Last = decltype(load_last(nullptr));
  Vector<T> sum[R][V] = {};
  Last end[R] = {};
  if (call.accumulate) {
    PHYNEXUS_UNROLL for (int r = 0; r < R; r++) {
      const T* p = call.out[r] + call.out_shift;
      PHYNEXUS_UNROLL for (int v = 0; v < whole; v++) sum[r][v] = load(p + v * W);
      if (whole < V) end[r] = load_last(p);
    }
  }
  const int64_t row_step = call.row_step, panel_step = call.panel_step;
  const Segment<T>* segment = call.segments;
  for (const Segment<T>* const stop = segment + call.count; segment != stop; segment++) {
    const T* panel = segment->panel + call.panel_shift;
    const T* rows[Adjacent ? 1 : R];
    PHYNEXUS_UNROLL for (int r = 0; r < (Adjacent ? 1 : R); r++) rows[r] = segment->rows[r] + call.row_shift;
    int64_t at = 0;
    for (int64_t k = segment->length; k > 0; k--) {
      Vector<T> b[V];
      PHYNEXUS_UNROLL for (int v = 0; v < whole; v++) b[v] = load(panel + v * W);
      Last b_last{};
      if (whole < V) b_last = load_last(panel);
      PHYNEXUS_UNROLL for (int r = 0; r < R; r++) {
        const Vector<T> a = broadcast(Adjacent ? rows[0][at + r] : rows[Adjacent ? 0 : r][at]);
        PHYNEXUS_UNROLL for (int v = 0; v < whole; v++) sum[r][v] += a * b[v];
        if constexpr (Kind == Tail::half) end[r] += half_of(a) * b_last;
        else if constexpr (Kind == Tail::part) end[r] += a * b_last;
      }
      at += row_step;
      panel += panel_step;
    }
  }
  PHYNEXUS_UNROLL for (int r = 0; r < R; r++) {
    T* p = call.out[r] + call.out_shift;
    PHYNEXUS_UNROLL for (int v = 0; v < whole; v++) store(p + v * W, sum[r][v]);
    if constexpr (Kind == Tail::half) store_half(p + last, end[r], head);
    else if constexpr (Kind == Tail::part) store(p + last, end[r], head);
  }
}

// Compile-time loops that fill table[tail][vectors - 1][rows - 1].
template <class T, bool Adjacent>
struct TileTable {
  static constexpr int max_rows = Adjacent ? max_adjacent_rows : max_tile_rows;
  TileKernel<T> at[has_halves ? 3 : 2][max_tile_vectors][max_rows] = {};

  template <int V, int R>
  constexpr void fill_rows() {
    at[0][V - 1][R - 1] = product_tile<T, R, V, Tail::whole, Adjacent>;
    at[1][V - 1][R - 1] = product_tile<T, R, V, Tail::part, Adjacent>;
    if constexpr (has_halves) at[2][V - 1][R - 1] = product_tile<T, R, V, Tail::half, Adjacent>;
    if constexpr (R > 1) fill_rows<V, R - 1>();
  }
  template <int V>
  constexpr void fill() {
    fill_rows<V, (Adjacent ? adjacent_rows_for : tile_rows_for)[V]>();
    if constexpr (V > 1) fill<V - 1>();
  }
  constexpr TileTable() { fill<max_tile_vectors>(); }
};

template <class T>
TileKernel<T> tile_kernel(int64_t rows, int64_t vectors, Tail tail) {
  static constexpr TileTable<T, false> table;
  return table.at[int(tail)][vectors - 1][rows - 1];
}
template <class T>
TileKernel<T> adjacent_tile_kernel(int64_t rows, int64_t vectors, Tail tail) {
  static constexpr TileTable<T, true> table;
  return table.at[int(tail)][vectors - 1][rows - 1];
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
