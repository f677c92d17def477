// Strided matrices, with the loops over them that the steps of linear algebra share.
#pragma once

#include <cmath>
#include <limits>

#include "../step.h"
#include "engine/layout/walk.h"

namespace phynexus {

// Element [i, j] lies at data + i * row + j * column. Strides in bytes, any sign.
struct Matrix {
  char* data;
  int64_t row, column;
  template <class T>
  T& at(int64_t i, int64_t j) const {
    return *reinterpret_cast<T*>(data + i * row + j * column);
  }
};

inline Matrix matrix_of(const phx_value& value) {
  return {nullptr, byte_stride(value, value.rank - 2), byte_stride(value, value.rank - 1)};
}

inline Matrix placed(Matrix matrix, const Place& place, const Frame& frame, int64_t offset) {
  matrix.data = place.at(frame.bases) + offset;
  return matrix;
}

// How many matrices, of so many operations each, make a piece of work for a thread.
inline int64_t matrix_grain(int64_t operations) {
  return operations >= 32768 ? 1 : 32768 / (operations + 1) + 1;
}

// y -= factor * x
template <class T>
inline void subtract_scaled(T* y, const T* x, T factor, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] -= factor * x[i];
}

// The sum of x * y, in eight lanes: always in the same order.
template <class T>
inline T inner_product(const T* x, const T* y, int64_t count) {
  T lanes[8] = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int k = 0; k < 8; k++) lanes[k] += x[i + k] * y[i + k];
  for (int k = 0; i < count; i++, k++) lanes[k] += x[i] * y[i];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

}  // namespace phynexus
