// The one inner kernel of every matrix product and convolution: a tile of R rows by V vectors held in
// registers,
//   out[r][:] (+)= sum over segments, sum over k of rows[r][k * row_step] * panel[k * panel_step + :]
// A matrix product has one segment, a convolution one for each tap of its kernel, a weight gradient one for
// each run of pixels. Sums run in the order given, so the tile's shape never changes a bit of the result.
#pragma once

#include "contract_vectors.h"

namespace phynexus::PHYNEXUS_ISA::contract {

constexpr int max_tile_rows = 8;       // rows given by pointers
constexpr int max_adjacent_rows = 14;  // rows one element apart: no pointer each, so more of them fit
#if defined(__AVX512F__)
constexpr int max_tile_vectors = 4;
constexpr int tile_rows_for[] = {0, 8, 8, 8, 6};
constexpr int adjacent_rows_for[] = {0, 8, 14, 8, 6};
#else
constexpr int max_tile_vectors = 3;
constexpr int tile_rows_for[] = {0, 8, 6, 4};
constexpr int adjacent_rows_for[] = {0, 8, 6, 4};
#endif

// The last vector of a tile: whole, with fewer columns than lanes, or with half of them or fewer.
enum class Tail { whole, part, half };

template <class T>
struct Segment {
  const T* panel;
  int64_t length;
  const T* rows[max_tile_rows];  // adjacent rows use rows[0] only
};

template <class T>
struct TileCall {
  const Segment<T>* segments;
  int64_t count;
  int64_t row_step, panel_step;
  int64_t row_shift, panel_shift;  // added to each segment's pointers, so that tiles can share a list
  T* const* out;                   // one pointer for each row
  int64_t out_shift;
  int64_t tail;     // columns of the last vector that exist
  bool accumulate;  // start from what `out` holds
};

template <class T>
using TileKernel = void (*)(const TileCall<T>&);

// rows in [1, ..._rows_for[vectors]], vectors in [1, max_tile_vectors].
template <class T>
TileKernel<T> tile_kernel(int64_t rows, int64_t vectors, Tail tail);
template <class T>
TileKernel<T> adjacent_tile_kernel(int64_t rows, int64_t vectors, Tail tail);

extern template TileKernel<float> tile_kernel<float>(int64_t, int64_t, Tail);
extern template TileKernel<double> tile_kernel<double>(int64_t, int64_t, Tail);
extern template TileKernel<float> adjacent_tile_kernel<float>(int64_t, int64_t, Tail);
extern template TileKernel<double> adjacent_tile_kernel<double>(int64_t, int64_t, Tail);

// Tiles for so many rows; the few rows of a small product need no division.
PHYNEXUS_INLINE int64_t tiles_of(int64_t rows, int most) {
  return rows <= most ? 1 : rows <= 2 * most ? 2 : ceil_divide(rows, most);
}

// How n columns are cut into panels of whole vectors, as evenly as can be.
template <class T>
struct Panels {
  int64_t columns, vectors, count;
  Parts parts;
  explicit Panels(int64_t n)
      : columns(n),
        vectors(ceil_divide(n, lanes<T>)),
        count(ceil_divide(vectors, max_tile_vectors)),
        parts(vectors, larger(1, count)) {}
  struct Panel {
    int64_t first, vectors, width, tail;  // first column; columns that exist; those of the last vector
    Tail kind;
  };
  Panel operator[](int64_t index) const {
    const Range range = parts[index];
    const int64_t first = range.begin * lanes<T>, width = smaller(columns - first, range.size() * lanes<T>);
    const int64_t tail = width - (range.size() - 1) * lanes<T>;
    const Tail kind = tail == lanes<T>                     ? Tail::whole
                      : has_halves && 2 * tail <= lanes<T> ? Tail::half
                                                           : Tail::part;
    return {first, range.size(), width, tail, kind};
  }
  int64_t widest() const { return parts[0].size(); }
  int64_t padded_columns() const { return vectors * lanes<T>; }
};

}  // namespace phynexus::PHYNEXUS_ISA::contract
