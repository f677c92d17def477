// The handlers of linear algebra: their list, parameters and shared memory. For host and device.
#pragma once

#include "../record.h"

// X(name, Params, kernel). A tile is one matrix, or some columns or rows of one. Larger matrices go in blocks, see
// lower/linear_algebra/blocks.h; what is taken away from their rest are products: product_update_*.
#define PHYNEXUS_LINEAR_ALGEBRA_HANDLERS(X)                  \
  X(cholesky, FactorParams, linear_algebra)                  \
  X(lu, FactorParams, linear_algebra)                        \
  X(triangular_solve, TriangularSolveParams, linear_algebra) \
  X(move_matrix, MoveMatrixParams, linear_algebra)           \
  X(lu_panel, LuPanelParams, linear_algebra)                 \
  X(swap_rows, SwapRowsParams, linear_algebra)

namespace phynexus::gpu {

// Matrices [batch.., rows, columns]; strides in bytes.
struct Matrices {
  Pointer at;
  int64_t batch[max_rank] = {};
  int64_t row = 0, column = 0;
};

// Each matrix is factored in a copy in shared memory, whose elements are those it is computed in.
struct FactorParams {
  Matrices in, out;
  Pointer order;  // of lu: int32, with strides in bytes
  int64_t order_batch[max_rank] = {};
  int64_t order_row = 0;
  int64_t shape[max_rank] = {};  // of the batch, the innermost last
  int32_t rank = 0;
  int32_t n = 0;
  int32_t dtype = 0;
  int32_t unused = 0;
};

struct TriangularSolveParams {
  Matrices a, b, x;  // a as it is solved with: its transpose has the strides the other way round
  int64_t shape[max_rank] = {};
  int32_t rank = 0;
  int32_t n = 0;
  int32_t columns = 0;       // in all
  int32_t tile_columns = 1;  // of a tile: as many as fit into shared memory
  int32_t dtype = 0;
  int32_t forward = 0, unit_diagonal = 0;
  int32_t unused = 0;
};

// to = from, in the dtype that is computed in or back.
struct MoveMatrixParams {
  Matrices from, to;
  int64_t shape[max_rank] = {};
  int32_t rank = 0;
  int32_t rows = 0, columns = 0;
  int32_t tile_rows = 1;
  int32_t dtype = 0;   // the stored one
  int32_t widens = 0;  // 1: from the stored to the computed one; else back
  // 1: `from` is the factor of Cholesky, in the lower triangle; what lies above becomes 0, and all becomes NaN where
  // its last element is: a matrix that is not positive definite leaves NaN behind in all that follows.
  int32_t is_factor = 0;
  int32_t in_place = 0;  // that last element lies there already
};

// The columns that LU factors next, of the rows from there on, in a dense copy, column by column.
struct LuPanelParams {
  Matrices at;
  Pointer copies;  // of each matrix rows * columns elements
  Pointer
      pivots;  // int32: the row that each row of the panel was exchanged with, counted from the panel's first
  int64_t pivot_stride = 0;  // in elements, from a matrix to the next
  Pointer order;             // int32; where `begins`, becomes 0, 1, ..., order_rows - 1
  int64_t order_batch[max_rank] = {};
  int64_t order_row = 0;
  int64_t shape[max_rank] = {};
  int32_t rank = 0;
  int32_t rows = 0, columns = 0;
  int32_t dtype = 0;
  int32_t begins = 0;
  int32_t order_rows = 0;
};

// Exchanges the rows of all other columns, and of `order`, as a panel's were.
struct SwapRowsParams {
  Matrices at;  // from the panel's first row on
  Pointer pivots;
  int64_t pivot_stride = 0;
  Pointer order;  // from the panel's first row on
  int64_t order_batch[max_rank] = {};
  int64_t order_row = 0;
  int64_t shape[max_rank] = {};
  int32_t rank = 0;
  int32_t swaps = 0;
  int32_t columns = 0;  // in all, the panel's from `panel` on included
  int32_t panel = 0;
  int32_t tile_columns = 1;  // the last tile of a matrix has `order`
  int32_t dtype = 0;
};

inline constexpr int linear_algebra_exchange_bytes = 1 << 10;  // what threads exchange, at the begin
inline constexpr int linear_algebra_matrix_bytes = 31 << 10;   // behind it
inline constexpr int cholesky_shared_bytes = 32 << 10;
inline constexpr int lu_shared_bytes = 32 << 10;
inline constexpr int triangular_solve_shared_bytes = 32 << 10;
inline constexpr int move_matrix_shared_bytes = 0;
inline constexpr int lu_panel_shared_bytes = 1 << 10;
inline constexpr int swap_rows_shared_bytes = 0;

}  // namespace phynexus::gpu
