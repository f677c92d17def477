// Matrices of a plan as the handlers of linear algebra take them.
#pragma once

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

// Bytes of an element that is computed with: halves are computed in float32.
inline int64_t computed_bytes(int32_t dtype) { return dtype == PHX_FLOAT64 ? 8 : 4; }

}  // namespace phynexus::gpu
