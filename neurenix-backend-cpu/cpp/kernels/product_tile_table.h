// The register tiles themselves and their tables; included once for each element type.
#pragma once

#include "product_tile.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template <class T, int R, int V, bool Masked, bool Adjacent>
void product_tile(const TileCall<T>& call) {
  constexpr int W = lanes<T>;
  const Head<T> head(Masked ? call.tail : 0);
  Vector<T> sum[R][V];
  if (call.accumulate) {
    PHYNEXUS_UNROLL for (int r = 0; r < R; r++) {
      const T* p = call.out[r] + call.out_shift;
      PHYNEXUS_UNROLL for (int v = 0; v < V; v++) sum[r][v] = Masked && v == V - 1 ? load(p + v * W, head) : load(p + v * W);
    }
  } else {
    PHYNEXUS_UNROLL for (int r = 0; r < R; r++) PHYNEXUS_UNROLL for (int v = 0; v < V; v++) sum[r][v] = Vector<T>{};
  }
  const int64_t row_step = call.row_step, panel_step = call.panel_step;
  const Segment<T>* segment = call.segments;
  for (const Segment<T>* const end = segment + call.count; segment != end; segment++) {
    const T* panel = segment->panel + call.panel_shift;
    const T* rows[Adjacent ? 1 : R];
    PHYNEXUS_UNROLL for (int r = 0; r < (Adjacent ? 1 : R); r++) rows[r] = segment->rows[r] + call.row_shift;
    int64_t at = 0;
    for (int64_t k = segment->length; k > 0; k--) {
      Vector<T> b[V];
      PHYNEXUS_UNROLL for (int v = 0; v < V; v++) b[v] = Masked && v == V - 1 ? load(panel + v * W, head) : load(panel + v * W);
      PHYNEXUS_UNROLL for (int r = 0; r < R; r++) {
        const Vector<T> a = broadcast(Adjacent ? rows[0][at + r] : rows[Adjacent ? 0 : r][at]);
        PHYNEXUS_UNROLL for (int v = 0; v < V; v++) sum[r][v] += a * b[v];
      }
      at += row_step;
      panel += panel_step;
    }
  }
  PHYNEXUS_UNROLL for (int r = 0; r < R; r++) {
    T* p = call.out[r] + call.out_shift;
    PHYNEXUS_UNROLL for (int v = 0; v < V; v++) {
      if (Masked && v == V - 1)
        store(p + v * W, sum[r][v], head);
      else
        store(p + v * W, sum[r][v]);
    }
  }
}

// Compile-time loops that fill table[masked][vectors - 1][rows - 1].
template <class T, bool Adjacent>
struct TileTable {
  static constexpr int max_rows = Adjacent ? max_adjacent_rows : max_tile_rows;
  TileKernel<T> at[2][max_tile_vectors][max_rows] = {};

  template <int V, int R>
  constexpr void fill_rows() {
    at[0][V - 1][R - 1] = product_tile<T, R, V, false, Adjacent>;
    at[1][V - 1][R - 1] = product_tile<T, R, V, true, Adjacent>;
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
TileKernel<T> tile_kernel(int64_t rows, int64_t vectors, bool masked) {
  static constexpr TileTable<T, false> table;
  return table.at[masked][vectors - 1][rows - 1];
}
template <class T>
TileKernel<T> adjacent_tile_kernel(int64_t rows, int64_t vectors, bool masked) {
  static constexpr TileTable<T, true> table;
  return table.at[masked][vectors - 1][rows - 1];
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
