// Dense blocks to and from strided memory, and strided copies.
#include "../elementwise/elementwise.h"
#include "transpose.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

template <class T>
inline void copy_row(char* out, int64_t out_stride, const char* in, int64_t in_stride, int64_t count) {
  constexpr int64_t size = sizeof(T);
  if (in_stride == size && out_stride == size) {
    if (count > 512) {
      std::memmove(out, in, size_t(count * size));
      return;
    }
    constexpr int N = lanes<T>;
    const T* x = reinterpret_cast<const T*>(in);
    T* o = reinterpret_cast<T*>(out);
    for_vectors<N>(
        count, [&](int64_t i, auto part) { put<T, N>(o, fetch<T, N>(x, i, count, part), i, count, part); });
  } else if (in_stride == 0 && out_stride == size) {
    constexpr int N = lanes<T>;
    const Vector<T, N> v = uniform<T, N>(*reinterpret_cast<const T*>(in));
    T* o = reinterpret_cast<T*>(out);
    for_vectors<N>(count, [&](int64_t i, auto part) { put<T, N>(o, v, i, count, part); });
  } else {
    for (int64_t i = 0; i < count; i++)
      *reinterpret_cast<T*>(out + i * out_stride) = *reinterpret_cast<const T*>(in + i * in_stride);
  }
}

// Rows one after the other into a dense block, in whole vectors: what a row writes too much, the next one
// writes over, and behind the last one there is room (see RuntimeKernels::read_tile).
template <class T>
void read_rows(char* dense, const char* from, int64_t rows, int64_t row_stride, int64_t columns,
               int64_t stride) {
  constexpr int N = lanes<T>, most = 8;
  constexpr int64_t size = sizeof(T);
  const int64_t vectors = (columns + N - 1) / N, whole = columns / N;
  if ((stride != size && stride != 0) || vectors > most) {
    for (int64_t i = 0; i < rows; i++)
      copy_row<T>(dense + i * columns * size, size, from + i * row_stride, stride, columns);
    return;
  }
  T* o = reinterpret_cast<T*>(dense);
  if (stride == 0) {
    for (int64_t i = 0; i < rows; i++, o += columns) {
      const Vector<T, N> v = uniform<T, N>(*reinterpret_cast<const T*>(from + i * row_stride));
      for (int64_t k = 0; k < vectors; k++) store<T, N>(o + k * N, v);
    }
  } else if (row_stride == 0) {
    const T* x = reinterpret_cast<const T*>(from);
    Vector<T, N> row[most];
    for (int64_t k = 0; k < whole; k++) row[k] = load<T, N>(x + k * N);
    if (whole < vectors) row[whole] = load_part<T, N>(x + whole * N, columns - whole * N);
    for (int64_t i = 0; i < rows; i++, o += columns)
      for (int64_t k = 0; k < vectors; k++) store<T, N>(o + k * N, row[k]);
  } else {
    for (int64_t i = 0; i < rows; i++, o += columns) {
      const T* x = reinterpret_cast<const T*>(from + i * row_stride);
      for (int64_t k = 0; k < whole; k++) store<T, N>(o + k * N, load<T, N>(x + k * N));
      if (whole < vectors) store<T, N>(o + whole * N, load_part<T, N>(x + whole * N, columns - whole * N));
    }
  }
}

template <class T>
void read_level(char* dense, const char* from, const Tile& tile, int axis, int64_t count, int64_t rows) {
  // `rows`: dense elements behind one step of `axis`.
  if (axis == tile.rank - 1) return copy_row<T>(dense, sizeof(T), from, tile.strides[axis], count);
  const int64_t inner = tile.counts[axis + 1];
  if (axis == tile.rank - 2)
    return read_rows<T>(dense, from, count, tile.strides[axis], inner, tile.strides[axis + 1]);
  for (int64_t i = 0; i < count; i++)
    read_level<T>(dense + i * rows * int64_t(sizeof(T)), from + i * tile.strides[axis], tile, axis + 1, inner,
                  rows / inner);
}

template <class T>
void write_level(char* to, const char* dense, const Tile& tile, int axis, int64_t count, int64_t rows) {
  if (axis == tile.rank - 1) return copy_row<T>(to, tile.strides[axis], dense, sizeof(T), count);
  const int64_t inner = tile.counts[axis + 1];
  for (int64_t i = 0; i < count; i++)
    write_level<T>(to + i * tile.strides[axis], dense + i * rows * int64_t(sizeof(T)), tile, axis + 1, inner,
                   rows / inner);
}

inline int64_t elements_behind_first(const Tile& tile) {
  int64_t n = 1;
  for (int d = 1; d < tile.rank; d++) n *= tile.counts[d];
  return n;
}

// Where the input is contiguous along one axis and the output along another: in squares that stay in L1,
// 4-byte elements through registers.
template <class T>
void transpose(char* out, const char* in, int64_t rows, int64_t columns, int64_t out_row, int64_t in_row,
               int64_t out_column, int64_t in_column) {
  constexpr int64_t square = sizeof(T) == 4 ? 64 : 16;
  for (int64_t r = 0; r < rows; r += square)
    for (int64_t c = 0; c < columns; c += square) {
      const int64_t r_count = r + square < rows ? square : rows - r;
      const int64_t c_count = c + square < columns ? square : columns - c;
      char* to = out + r * out_row + c * out_column;
      const char* from = in + r * in_row + c * in_column;
      if constexpr (sizeof(T) == 4) {
        if (in_row == 4 && out_column == 4 && in_column % 4 == 0) {
          contract::rows_to_vectors(reinterpret_cast<const float*>(from), in_column / 4, c_count, r_count,
                                    [=](int64_t i) { return reinterpret_cast<float*>(to + i * out_row); });
          continue;
        }
      }
      for (int64_t i = 0; i < r_count; i++)
        for (int64_t j = 0; j < c_count; j++)
          *reinterpret_cast<T*>(to + i * out_row + j * out_column) =
              *reinterpret_cast<const T*>(from + i * in_row + j * in_column);
    }
}

template <class T>
void copy_level(char* out, const char* in, const StridedCopy& copy, int axis) {
  const int64_t count = copy.counts[axis], os = copy.out_strides[axis], is = copy.in_strides[axis];
  if (axis == copy.rank - 1) return copy_row<T>(out, os, in, is, count);
  if (axis == copy.rank - 2 && copy.out_strides[axis + 1] == int64_t(sizeof(T)) &&
      copy.in_strides[axis + 1] != int64_t(sizeof(T)) && copy.in_strides[axis + 1] != 0)
    return transpose<T>(out, in, count, copy.counts[axis + 1], os, is, copy.out_strides[axis + 1],
                        copy.in_strides[axis + 1]);
  for (int64_t i = 0; i < count; i++) copy_level<T>(out + i * os, in + i * is, copy, axis + 1);
}

}  // namespace

void read_tile(char* dense, const char* strided, const Tile& tile, int64_t leading) {
  const int64_t count = leading * tile.factor, rows = elements_behind_first(tile);
  switch (tile.item_bytes) {
    case 1: return read_level<uint8_t>(dense, strided, tile, 0, count, rows);
    case 4: return read_level<uint32_t>(dense, strided, tile, 0, count, rows);
    default: return read_level<uint64_t>(dense, strided, tile, 0, count, rows);
  }
}

void write_tile(char* strided, const char* dense, const Tile& tile, int64_t leading) {
  const int64_t count = leading * tile.factor, rows = elements_behind_first(tile);
  switch (tile.item_bytes) {
    case 1: return write_level<uint8_t>(strided, dense, tile, 0, count, rows);
    case 4: return write_level<uint32_t>(strided, dense, tile, 0, count, rows);
    default: return write_level<uint64_t>(strided, dense, tile, 0, count, rows);
  }
}

void copy_strided(char* out, const char* in, const StridedCopy& copy) {
  if (copy.rank == 0) {
    std::memmove(out, in, size_t(copy.item_bytes));
    return;
  }
  switch (copy.item_bytes) {
    case 1: return copy_level<uint8_t>(out, in, copy, 0);
    case 4: return copy_level<uint32_t>(out, in, copy, 0);
    default: return copy_level<uint64_t>(out, in, copy, 0);
  }
}

}  // namespace phynexus::PHYNEXUS_ISA
