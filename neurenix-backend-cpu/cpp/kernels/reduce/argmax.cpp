// The position of the first largest element; the first NaN wins over everything.
#include "../elementwise/elementwise.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

// The largest, found in vectors, and then its first place.
template <class T>
int64_t argmax_of(const char* values, int64_t count) {
  constexpr int N = lanes<T>;
  const T* x = reinterpret_cast<const T*>(values);
  Vector<T, N> most = uniform<T, N>(x[0]);
  const auto join = [&](Vector<T, N> v) { most = (most > v) | (most != most) ? most : v; };
  int64_t i = 0;
  for (; i + N <= count; i += N) join(load<T, N>(x + i));
  T best = x[0];
  const auto join_one = [&](T v) { best = best > v || best != best ? best : v; };
  for (int k = 0; k < N; k++) join_one(most[k]);
  for (; i < count; i++) join_one(x[i]);
  for (i = 0; i < count; i++)
    if (x[i] == best || (best != best && x[i] != x[i])) return i;
  return 0;
}

template <class T>
void argmax_columns_of(const char* values, const int64_t* offsets, int64_t rows, int64_t columns,
                       int32_t* out) {
  constexpr int N = lanes<T>;
  using S = Signed<T>;
  for_vectors<N>(columns, [&](int64_t i, auto part) {
    const auto row = [&](int64_t r) {
      return fetch<T, N>(reinterpret_cast<const T*>(values + offsets[r]), i, columns, part);
    };
    Vector<T, N> best = row(0);
    Vector<S, N> place{};
    for (int64_t r = 1; r < rows; r++) {
      const Vector<T, N> x = row(r);
      Vector<S, N> better = x > best;
      if constexpr (std::is_floating_point_v<T>) better |= (x != x) & (best == best);
      best = better ? x : best;
      place = better ? Vector<S, N>{} + S(r) : place;
    }
    if constexpr (sizeof(T) == 4) {
      put<int32_t, N>(out, place, i, columns, part);
    } else {
      const int64_t end = i + N < columns ? i + N : columns;
      for (int64_t k = i; k < end; k++) out[k] = int32_t(place[k - i]);
    }
  });
}

// Whether x comes before the largest so far, which stands earlier.
template <class V>
inline auto larger(V x, V best) {
  return (x > best) | ((x != x) & (best == best));
}

// One column after the other.
template <class T>
void first_largest_one(const T* x, T* best, int32_t* places, const int32_t* positions, int32_t base,
                       int64_t rows, int64_t stride, bool more) {
  T most = more ? *best : *x;
  int32_t place = more ? *places : base + positions[0];
  for (int64_t r = 0; r < rows; r++, x += stride)
    if (larger(*x, most)) most = *x, place = base + positions[r];
  *best = most, *places = place;
}

template <class T>
void first_largest_of(const char* values, char* largest, int32_t* places, const int32_t* positions,
                      int32_t base, int64_t groups, int64_t rows, int64_t columns, bool more) {
  constexpr int N = lanes<T>;
  using S = Signed<T>;
  const T* x = reinterpret_cast<const T*>(values);
  T* best = reinterpret_cast<T*>(largest);
  for (int64_t g = 0; g < groups; g++, x += rows * columns, best += columns, places += columns) {
    if (columns < N || sizeof(T) == 1) {
      for (int64_t c = 0; c < columns; c++)
        first_largest_one(x + c, best + c, places + c, positions, base, rows, columns, more);
      continue;
    }
    for_vectors<N>(columns, [&](int64_t i, auto part) {
      Vector<T, N> most = fetch<T, N>(more ? best : x, i, columns, part);
      const int64_t end = i + N < columns ? i + N : columns;
      Vector<S, N> place = uniform<S, N>(S(base + positions[0]));
      if (more)
        for (int64_t k = i; k < end; k++) place[k - i] = S(places[k]);
      for (int64_t r = 0; r < rows; r++) {
        const Vector<T, N> now = fetch<T, N>(x + r * columns, i, columns, part);
        const Vector<S, N> better = larger(now, most);
        most = better ? now : most;
        place = better ? uniform<S, N>(S(base + positions[r])) : place;
      }
      put<T, N>(best, most, i, columns, part);
      if constexpr (sizeof(T) == 4) put<int32_t, N>(places, place, i, columns, part);
      else
        for (int64_t k = i; k < end; k++) places[k] = int32_t(place[k - i]);
    });
  }
}

}  // namespace

FirstLargestKernel first_largest(int32_t dtype) {
  switch (dtype) {
    case PHX_FLOAT32: return first_largest_of<float>;
    case PHX_FLOAT64: return first_largest_of<double>;
    case PHX_INT32: return first_largest_of<int32_t>;
    case PHX_INT64: return first_largest_of<int64_t>;
    case PHX_UINT32: return first_largest_of<uint32_t>;
    default: return first_largest_of<uint8_t>;
  }
}

int64_t argmax(int32_t dtype, const char* values, int64_t count) {
  switch (dtype) {
    case PHX_FLOAT32: return argmax_of<float>(values, count);
    case PHX_FLOAT64: return argmax_of<double>(values, count);
    case PHX_INT32: return argmax_of<int32_t>(values, count);
    case PHX_INT64: return argmax_of<int64_t>(values, count);
    case PHX_UINT32: return argmax_of<uint32_t>(values, count);
    default: return argmax_of<uint8_t>(values, count);
  }
}

void argmax_columns(int32_t dtype, const char* values, const int64_t* offsets, int64_t rows, int64_t columns,
                    int32_t* out) {
  switch (dtype) {
    case PHX_FLOAT32: return argmax_columns_of<float>(values, offsets, rows, columns, out);
    case PHX_FLOAT64: return argmax_columns_of<double>(values, offsets, rows, columns, out);
    case PHX_INT32: return argmax_columns_of<int32_t>(values, offsets, rows, columns, out);
    case PHX_INT64: return argmax_columns_of<int64_t>(values, offsets, rows, columns, out);
    case PHX_UINT32: return argmax_columns_of<uint32_t>(values, offsets, rows, columns, out);
    default: return argmax_columns_of<uint8_t>(values, offsets, rows, columns, out);
  }
}

}  // namespace phynexus::PHYNEXUS_ISA
