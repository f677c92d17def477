// Linear algebra of large matrices in blocks: a block of the device does what must go in order, many take its product
// away from the rest. The sizes alone choose it, so that a matrix has the same bits in any batch and within a task.
#pragma once

#include "matrices.h"

namespace phynexus::gpu {

// Matrices that are worked in, in the dtype that `dtype` is computed in: `value` itself where it holds that, else
// copies. Their batch has the shape that `fill_batch` gives.
struct Worked {
  Matrices all;
  int32_t dtype = 0;  // computed in
  int64_t batch[max_rank] = {};
  int32_t rank = 0;
  int64_t count = 1;

  // From row i and column j on.
  Matrices from(int64_t i, int64_t j) const {
    Matrices part = all;
    part.at.offset += i * all.row + j * all.column;
    return part;
  }
  template <class Params>
  void fill_batch(Params& params) const {
    params.rank = rank;
    for (int d = 0; d < rank; d++) params.shape[d] = batch[d];
  }
};

inline bool is_half(int32_t dtype) { return dtype == PHX_FLOAT16 || dtype == PHX_BFLOAT16; }

// Where `value` can be worked in: itself, or a dense copy if it is of a half type.
Worked worked_in(Builder& builder, const phx_value& value);
// The same for what is only read, which is copied in this phase if it is of a half type.
Worked worked_on(Builder& builder, const phx_value& value);

// In this phase: the stored matrices into the worked ones, or back.
void move_in(Builder& builder, const phx_value& from, const Worked& to);
void move_out(Builder& builder, const Worked& from, const phx_value& to);
// The factor of Cholesky, which ends with zeros above the diagonal, or is full of NaN.
void move_factor_out(Builder& builder, const Worked& from, const phx_value& to);

// In this phase: c -= a b, of m rows, n columns and k terms; parts of `of`, or of matrices with its batch and dtype.
void take_product_away(Builder& builder, const Worked& of, const Matrices& c, const Matrices& a,
                       const Matrices& b, int64_t m, int64_t n, int64_t k);

// In this phase: a x = x, of n rows in shared memory, in the place of the right side.
void solve_block(Builder& builder, const Worked& of, const Matrices& a, const Matrices& x, int64_t n,
                 int64_t columns, bool forward, bool unit_diagonal);

inline Matrices transposed(Matrices x) {
  std::swap(x.row, x.column);
  return x;
}

// Each, in phases of its own.
void cholesky_in_blocks(Builder& builder, const phx_value& in, const phx_value& out);
void lu_in_blocks(Builder& builder, const phx_value& in, const phx_value& out, const phx_value& order);
void solve_in_blocks(Builder& builder, const phx_value& a, const phx_value& b, const phx_value& x,
                     bool transposes, bool forward, bool unit_diagonal);

}  // namespace phynexus::gpu
