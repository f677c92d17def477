// Reductions of dense blocks. A sum keeps many partial sums, which add up as a tree.
#include <limits>

#include "../elementwise/elementwise.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

struct Sum {
  template <class T>
  static constexpr T identity() {
    return T(0);
  }
  template <class V>
  static V join(V a, V b) {
    return a + b;
  }
};
struct Product {
  template <class T>
  static constexpr T identity() {
    return T(1);
  }
  template <class V>
  static V join(V a, V b) {
    return a * b;
  }
};
struct Largest {
  template <class T>
  static constexpr T identity() {
    return std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity()
                                       : std::numeric_limits<T>::lowest();
  }
  template <class V>
  static V join(V a, V b) {
    return (a > b) | (a != a) ? a : b;
  }
};
struct Smallest {
  template <class T>
  static constexpr T identity() {
    return std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  }
  template <class V>
  static V join(V a, V b) {
    return (a < b) | (a != a) ? a : b;
  }
};
struct Either {
  template <class T>
  static constexpr T identity() {
    return T(0);
  }
  template <class V>
  static V join(V a, V b) {
    return a | b;
  }
};
struct Both {
  template <class T>
  static constexpr T identity() {
    return T(1);
  }
  template <class V>
  static V join(V a, V b) {
    return a & b;
  }
};

// Reduces the lanes of a vector, halves upon halves.
template <class F, class T, int N>
inline T join_lanes(Vector<T, N> v) {
  if constexpr (N == 1) {
    return v[0];
  } else {
    Vector<T, N / 2> low, high;
    std::memcpy(&low, &v, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return join_lanes<F, T, N / 2>(F::join(low, high));
  }
}

template <class F, class T, int N>
inline Vector<T, N> load_padded(const T* from, int64_t count) {
  Vector<T, N> v = load_part<T, N>(from, count);
  if constexpr (F::template identity<T>() != T(0)) {
    for (int i = 0; i < N; i++) v[i] = i < count ? v[i] : F::template identity<T>();
  }
  return v;
}

template <class F, class T>
T reduce_row(const T* x, int64_t count) {
  constexpr int N = lanes<T>;
  using V = Vector<T, N>;
  const V none = uniform<T, N>(F::template identity<T>());
  if (count <= N) return join_lanes<F, T, N>(count == N ? load<T, N>(x) : load_padded<F, T, N>(x, count));
  V s0 = none, s1 = none, s2 = none, s3 = none;
  int64_t i = 0;
  for (; i + 4 * N <= count; i += 4 * N) {
    s0 = F::join(s0, load<T, N>(x + i));
    s1 = F::join(s1, load<T, N>(x + i + N));
    s2 = F::join(s2, load<T, N>(x + i + 2 * N));
    s3 = F::join(s3, load<T, N>(x + i + 3 * N));
  }
  if (i + N <= count) s0 = F::join(s0, load<T, N>(x + i)), i += N;
  if (i + N <= count) s1 = F::join(s1, load<T, N>(x + i)), i += N;
  if (i + N <= count) s2 = F::join(s2, load<T, N>(x + i)), i += N;
  if (i < count) s3 = F::join(s3, load_padded<F, T, N>(x + i, count - i));
  return join_lanes<F, T, N>(F::join(F::join(s0, s1), F::join(s2, s3)));
}

// Short rows: one column of them after the other, so that the additions do not wait for each other.
template <class F, class T>
void reduce_short_rows(const T* x, T* out, int64_t groups, int64_t rows) {
  for (int64_t g = 0; g < groups; g++) {
    const T* row = x + g * rows;
    T even = row[0], odd = rows > 1 ? row[1] : F::template identity<T>();
    for (int64_t r = 2; r < rows; r += 2) {
      even = F::join(even, row[r]);
      if (r + 1 < rows) odd = F::join(odd, row[r + 1]);
    }
    out[g] = F::join(even, odd);
  }
}

template <class F, class T, int Vectors>
inline void reduce_columns(const T* x, T* out, int64_t rows, int64_t stride) {
  constexpr int N = lanes<T>;
  Vector<T, N> s[Vectors];
  for (int v = 0; v < Vectors; v++) s[v] = load<T, N>(x + v * N);
  for (int64_t r = 1; r < rows; r++)
    for (int v = 0; v < Vectors; v++) s[v] = F::join(s[v], load<T, N>(x + r * stride + v * N));
  for (int v = 0; v < Vectors; v++) store<T, N>(out + v * N, s[v]);
}

template <class F, class T>
void reduce_wide(const T* x, T* out, int64_t rows, int64_t columns) {
  constexpr int N = lanes<T>;
  int64_t c = 0;
  for (; c + 4 * N <= columns; c += 4 * N) reduce_columns<F, T, 4>(x + c, out + c, rows, columns);
  for (; c + N <= columns; c += N) reduce_columns<F, T, 1>(x + c, out + c, rows, columns);
  if (c < columns) {
    Vector<T, N> s = load_part<T, N>(x + c, columns - c);
    for (int64_t r = 1; r < rows; r++) s = F::join(s, load_part<T, N>(x + r * columns + c, columns - c));
    store_part<T, N>(out + c, s, columns - c);
  }
}

template <class F, class T>
void join_blocks(const T* a, const T* b, T* out, int64_t count) {
  constexpr int N = lanes<T>;
  for_vectors<N>(count, [&](int64_t i, auto part) {
    put<T, N>(out, F::join(fetch<T, N>(a, i, count, part), fetch<T, N>(b, i, count, part)), i, count, part);
  });
}

// Rows much shorter than a vector: the lower half of the rows joins the upper half, until one row is left.
template <class F, class T>
void reduce_narrow(const T* x, T* out, T* spare, int64_t rows, int64_t columns) {
  while (rows > 1) {
    const int64_t half = rows / 2, kept = rows - half;
    join_blocks<F, T>(x, x + kept * columns, spare, half * columns);
    if (kept > half && x != spare)
      std::memcpy(spare + half * columns, x + half * columns, size_t(columns) * sizeof(T));
    x = spare;
    rows = kept;
  }
  std::memcpy(out, x, size_t(columns) * sizeof(T));
}

template <class F, class T>
void reduce_kernel(const char* values, char* result, char* spare, int64_t groups, int64_t rows,
                   int64_t columns) {
  const T* x = reinterpret_cast<const T*>(values);
  T* out = reinterpret_cast<T*>(result);
  if (columns == 1) {
    if (rows < 12) return reduce_short_rows<F, T>(x, out, groups, rows);
    for (int64_t g = 0; g < groups; g++) out[g] = reduce_row<F, T>(x + g * rows, rows);
    return;
  }
  for (int64_t g = 0; g < groups; g++, x += rows * columns, out += columns) {
    if (columns * 2 >= lanes<T> || rows < 4) reduce_wide<F, T>(x, out, rows, columns);
    else reduce_narrow<F, T>(x, out, reinterpret_cast<T*>(spare), rows, columns);
  }
}

template <class F>
ReduceKernel numeric(int32_t dtype) {
  switch (dtype) {
    case PHX_FLOAT32: return reduce_kernel<F, float>;
    case PHX_FLOAT64: return reduce_kernel<F, double>;
    case PHX_INT32: return reduce_kernel<F, int32_t>;
    case PHX_INT64: return reduce_kernel<F, int64_t>;
    case PHX_UINT8: return reduce_kernel<F, uint8_t>;
    case PHX_UINT32: return reduce_kernel<F, uint32_t>;
    default: return nullptr;
  }
}

}  // namespace

ReduceKernel reduction(int32_t opcode, int32_t dtype) {
  switch (opcode) {
    case PHX_SUM: return numeric<Sum>(dtype);
    case PHX_PROD: return numeric<Product>(dtype);
    case PHX_MAX: return numeric<Largest>(dtype);
    case PHX_MIN: return numeric<Smallest>(dtype);
    case PHX_ANY: return dtype == PHX_BOOL ? reduce_kernel<Either, uint8_t> : nullptr;
    case PHX_ALL: return dtype == PHX_BOOL ? reduce_kernel<Both, uint8_t> : nullptr;
    default: return nullptr;
  }
}

}  // namespace phynexus::PHYNEXUS_ISA
