// Matrices of a plan as the handlers of linear algebra take them.
#pragma once

#include <algorithm>

#include "../../../engine/failure.h"
#include "../builder.h"

namespace phynexus::gpu {

inline void expect_float(const phx_value& value) {
  if (value.dtype > PHX_BFLOAT16) lack(format("linear algebra of %s", dtype_name(value.dtype)));
}

inline Matrices matrices_of(const Builder& builder, const phx_value& value) {
  const int64_t bytes = item_bytes(value.dtype);
  Matrices all{.at = builder.place(value)};
  for (int d = 0; d < value.rank - 2; d++) all.batch[d] = value.strides[d] * bytes;
  all.row = value.strides[value.rank - 2] * bytes;
  all.column = value.strides[value.rank - 1] * bytes;
  return all;
}

// How many matrices a value holds; the shape of the batch.
template <class Params>
int64_t fill_batch(Params& params, const phx_value& value) {
  params.rank = value.rank - 2;
  int64_t count = 1;
  for (int d = 0; d < params.rank; d++) count *= params.shape[d] = value.shape[d];
  return count;
}

// What is counted in 32 bits.
inline void expect_countable(int64_t rows) {
  if (rows > int64_t(1) << 26)
    lack(format("linear algebra of a matrix of %lld rows or columns: at most %lld", (long long)rows,
                (long long)1 << 26));
}
inline int64_t rows_of(const phx_value& value) {
  const int64_t rows = value.shape[value.rank - 2];
  expect_countable(rows);
  return rows;
}

// Bytes of an element that is computed with: halves are computed in float32.
inline int64_t computed_bytes(int32_t dtype) { return dtype == PHX_FLOAT64 ? 8 : 4; }

inline bool fits_shared_memory(int64_t rows, int64_t columns, int32_t dtype) {
  return rows <= 128 && columns <= 128 &&
         rows * columns * computed_bytes(dtype) <= linear_algebra_matrix_bytes;
}

// How many columns are solved for in shared memory at a time: enough of them to read each element of the triangle
// seldom.
inline int32_t solved_columns(int64_t n, int64_t columns, int32_t dtype) {
  const int64_t fitting = linear_algebra_matrix_bytes / (n * computed_bytes(dtype));
  return int32_t(std::min({columns, fitting, int64_t(64)}));
}

}  // namespace phynexus::gpu
