// The handlers of linear algebra: their list, parameters and shared memory. For host and device.
#pragma once

#include "../record.h"

// X(name, Params, kernel). A tile is one matrix, or some columns that are solved for.
#define PHYNEXUS_LINEAR_ALGEBRA_HANDLERS(X) \
  X(cholesky, FactorParams, linear_algebra) \
  X(lu, FactorParams, linear_algebra)       \
  X(triangular_solve, TriangularSolveParams, linear_algebra)

namespace phynexus::gpu {

// Matrices [batch.., rows, columns]; strides in bytes.
struct Matrices {
  Pointer at;
  int64_t batch[max_rank] = {};
  int64_t row = 0, column = 0;
};

// Each matrix is factored in a copy whose elements are those it is computed in: in shared memory where it fits, else in
// `copies`, one behind the other.
struct FactorParams {
  Matrices in, out;
  Pointer copies;
  Pointer order;  // of lu: int32, with strides in bytes
  int64_t order_batch[max_rank] = {};
  int64_t order_row = 0;
  int64_t shape[max_rank] = {};  // of the batch, the innermost last
  int32_t rank = 0;
  int32_t n = 0;
  int32_t dtype = 0;
  int32_t in_shared_memory = 0;
};

struct TriangularSolveParams {
  Matrices a, b, x;  // a as it is solved with: its transpose has the strides the other way round
  Pointer copies;    // [batch.., pieces, n, columns], where x cannot hold what is computed with
  int64_t shape[max_rank] = {};
  int32_t rank = 0;
  int32_t n = 0;
  int32_t columns = 0;       // in all
  int32_t tile_columns = 1;  // of a tile
  int32_t dtype = 0;
  int32_t forward = 0, unit_diagonal = 0;
  int32_t in_shared_memory = 0;
};

inline constexpr int linear_algebra_matrix_bytes =
    31 << 10;  // in shared memory, behind what the threads exchange
inline constexpr int cholesky_shared_bytes = 32 << 10;
inline constexpr int lu_shared_bytes = 32 << 10;
inline constexpr int triangular_solve_shared_bytes = 32 << 10;

}  // namespace phynexus::gpu
