// A product of matrices as a vendor's library takes it: sizes and strides, without addresses.
#pragma once

#include <cstdint>

namespace phynexus::gpu {

// Lines of neighbours: its rows, or where it is `turned` its columns.
struct MatrixLayout {
  int64_t line = 1;   // elements from a line to the next
  int64_t batch = 0;  // from a matrix to the next
  bool turned = false;
};

// out[i] = a[i] b[i] for each i of a batch, of rows x terms and terms x columns numbers.
struct MatrixProduct {
  int32_t dtype = 0;      // of the result: float32, float16 or bfloat16. Sums are float32
  int32_t factors = 0;    // their dtype: the same, or bfloat16 for a result of float32
  int32_t precision = 0;  // a phx_precision: how factors of float32 may be rounded
  int64_t batch = 1, rows = 1, columns = 1, terms = 1;
  MatrixLayout out, a, b;  // `out` is never turned
};

}  // namespace phynexus::gpu
