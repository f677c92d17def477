// Strided matrices, and dense copies of them in which a block works.
#pragma once

#include "../group.h"
#include "../numbers.h"
#include "params.h"

namespace phynexus::gpu {

// The bytes that lead to matrix `index` of a batch.
DEVICE int64_t matrix_offset(const int64_t* shape, int32_t rank, const int64_t* strides, int64_t index) {
  int64_t offset = 0;
  for (int d = rank - 1; d >= 0; d--) {
    offset += index % shape[d] * strides[d];
    index /= shape[d];
  }
  return offset;
}

struct Matrix {
  char* data;
  int64_t row, column;
  template <class T>
  DEVICE Computed<T> get(int64_t i, int64_t j) const {
    return widened(*reinterpret_cast<const T*>(data + i * row + j * column));
  }
  template <class T>
  DEVICE void put(int64_t i, int64_t j, Computed<T> x) const {
    *reinterpret_cast<T*>(data + i * row + j * column) = narrowed<T>(x);
  }
};

DEVICE Matrix matrix_at(const Matrices& all, const int64_t* shape, int32_t rank, char* const* bases,
                        int64_t index) {
  return {at<char>(bases, all.at) + matrix_offset(shape, rank, all.batch, index), all.row, all.column};
}

DEVICE float square_root(float x) { return sqrtf(x); }
DEVICE double square_root(double x) { return sqrt(x); }
DEVICE float minus_product(float sum, float x, float y) { return fmaf(-x, y, sum); }
DEVICE double minus_product(double sum, double x, double y) { return fma(-x, y, sum); }

// f(T()) for a dtype of floating point.
template <class F>
DEVICE void with_float_type(int32_t dtype, const F& f) {
  switch (dtype) {
    case dtype_float64: return f(double());
    case dtype_float16: return f(Float16());
    case dtype_bfloat16: return f(BFloat16());
    default: return f(float());
  }
}

}  // namespace phynexus::gpu
