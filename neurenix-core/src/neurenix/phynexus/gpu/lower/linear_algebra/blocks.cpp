// What linear algebra in blocks is made of: copies, products that are taken away, triangles of a block's size.
#include "blocks.h"

#include <algorithm>

#include "../contract/product.h"

namespace phynexus::gpu {
namespace {

Worked worked(const phx_value& value) {
  Worked w;
  w.dtype = is_half(value.dtype) ? int32_t(PHX_FLOAT32) : value.dtype;
  w.rank = value.rank - 2;
  for (int d = 0; d < w.rank; d++) w.count *= w.batch[d] = value.shape[d];
  return w;
}

Worked dense_copy(Builder& builder, const phx_value& value) {
  Worked w = worked(value);
  const int64_t bytes = item_bytes(w.dtype), rows = value.shape[value.rank - 2],
                columns = value.shape[value.rank - 1];
  w.all.column = bytes;
  w.all.row = columns * bytes;
  int64_t stride = rows * w.all.row;
  for (int d = w.rank - 1; d >= 0; d--) {
    w.all.batch[d] = stride;
    stride *= w.batch[d];
  }
  w.all.at = builder.workspace(w.count * rows * columns * bytes);
  return w;
}

Worked itself(const Builder& builder, const phx_value& value) {
  Worked w = worked(value);
  w.all = matrices_of(builder, value);
  return w;
}

void move(Builder& builder, const Worked& of, const Matrices& from, const Matrices& to,
          const phx_value& stored, bool widens, bool is_factor) {
  MoveMatrixParams p;
  p.from = from;
  p.to = to;
  of.fill_batch(p);
  p.rows = int32_t(stored.shape[stored.rank - 2]);
  p.columns = int32_t(stored.shape[stored.rank - 1]);
  p.tile_rows = 16;
  p.dtype = stored.dtype;
  p.widens = widens;
  p.is_factor = is_factor;
  p.in_place = from.at.base == to.at.base && from.at.offset == to.at.offset;
  builder.add(handler_move_matrix, of.count * ((p.rows - 1) / p.tile_rows + 1), p);
}

}  // namespace

Worked worked_in(Builder& builder, const phx_value& value) {
  return is_half(value.dtype) ? dense_copy(builder, value) : itself(builder, value);
}

Worked worked_on(Builder& builder, const phx_value& value) {
  if (!is_half(value.dtype)) return itself(builder, value);
  Worked w = dense_copy(builder, value);
  move_in(builder, value, w);
  return w;
}

void move_in(Builder& builder, const phx_value& from, const Worked& to) {
  move(builder, to, matrices_of(builder, from), to.all, from, true, false);
}

void move_out(Builder& builder, const Worked& from, const phx_value& to) {
  move(builder, from, from.all, matrices_of(builder, to), to, false, false);
}

void move_factor_out(Builder& builder, const Worked& from, const phx_value& to) {
  move(builder, from, from.all, matrices_of(builder, to), to, false, true);
}

void take_product_away(Builder& builder, const Worked& of, const Matrices& c, const Matrices& a,
                       const Matrices& b, int64_t m, int64_t n, int64_t k) {
  const int64_t bytes = item_bytes(of.dtype);
  Product p{.dtype = of.dtype, .out = c.at, .a = a.at, .b = b.at};
  for (int d = 0; d < of.rank; d++)
    p.batch.push_back(
        {.size = of.batch[d], .out = c.batch[d] / bytes, .a = a.batch[d] / bytes, .b = b.batch[d] / bytes});
  p.m = {{.size = m, .out = c.row / bytes, .a = a.row / bytes}};
  p.n = {{.size = n, .out = c.column / bytes, .b = b.column / bytes}};
  p.k = {{.size = k, .a = a.column / bytes, .b = b.row / bytes}};
  const bool within_task = builder.within_task();
  lower_products(builder, {std::move(p)}, [&](const ProductSizes& sizes, int32_t dtype, bool) {
    if (within_task || std::min(sizes.m, sizes.n) < 16)
      return ProductChoice{ProductWay::units, handler_product_update_direct, 1, 1, 1};
    if (dtype == PHX_FLOAT64)
      return ProductChoice{ProductWay::tiles, handler_product_update_f64, product_update_f64_m,
                           product_update_f64_n, 1};
    return ProductChoice{ProductWay::tiles, handler_product_update_f32, product_update_f32_m,
                         product_update_f32_n, 1};
  });
}

void solve_block(Builder& builder, const Worked& of, const Matrices& a, const Matrices& x, int64_t n,
                 int64_t columns, bool forward, bool unit_diagonal) {
  TriangularSolveParams p;
  p.a = a;
  p.b = p.x = x;
  of.fill_batch(p);
  p.n = int32_t(n);
  p.columns = int32_t(columns);
  p.tile_columns = solved_columns(n, columns, of.dtype);
  p.dtype = of.dtype;
  p.forward = forward;
  p.unit_diagonal = unit_diagonal;
  builder.add(handler_triangular_solve, of.count * ((columns - 1) / p.tile_columns + 1), p);
}

}  // namespace phynexus::gpu
