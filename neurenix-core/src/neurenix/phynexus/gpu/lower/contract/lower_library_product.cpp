// Whether a product is one that the vendor's library computes, and how it is put to it.
#include <limits>

#include "../record_builder.h"
#include "product.h"

namespace phynexus::gpu {
namespace {

Extended only(const std::vector<Extended>& axes) { return axes.empty() ? Extended{} : axes[0]; }

// Whether elements along `within` are neighbours, and the lines that they make lie apart; then how far.
bool are_lines(int64_t lines, int64_t apart, int64_t within, int64_t stride, int64_t& line) {
  line = lines > 1 ? apart : within;
  return (within == 1 || stride == 1) && line >= within;
}

bool is_matrix(int64_t rows, int64_t row, int64_t columns, int64_t column, int64_t batch, MatrixLayout& out) {
  out.batch = batch;
  if (are_lines(rows, row, columns, column, out.line)) return batch >= 0;
  out.turned = true;
  return are_lines(columns, column, rows, row, out.line) && batch >= 0;
}

// What a library counts in 32 bits.
bool is_counted(const MatrixProduct& x) {
  for (const int64_t n : {x.batch, x.rows, x.columns, x.terms, x.out.line, x.a.line, x.b.line})
    if (n < 1 || n > std::numeric_limits<int32_t>::max()) return false;
  return true;
}

// False: it has more axes, or lies otherwise, than a library's products.
bool describe(const Product& p, MatrixProduct& x) {
  for (const auto* axes : {&p.batch, &p.m, &p.n, &p.k})
    if (axes->size() > 1) return false;
  const Extended batch = only(p.batch), m = only(p.m), n = only(p.n), k = only(p.k);
  x.batch = batch.size, x.rows = m.size, x.columns = n.size, x.terms = k.size;
  return is_matrix(m.size, m.out, n.size, n.out, batch.out, x.out) && !x.out.turned &&
         is_matrix(m.size, m.a, k.size, k.a, batch.a, x.a) &&
         is_matrix(k.size, k.b, n.size, n.b, batch.b, x.b) && is_counted(x);
}

bool is_dense(const MatrixProduct& x) {
  return x.out.line == x.columns && (x.batch == 1 || x.out.batch == x.rows * x.columns);
}

}  // namespace

bool lower_by_library(Builder& builder, Product p) {
  merge_axes(p);
  MatrixProduct sizes;
  sizes.dtype = p.dtype;
  sizes.precision = builder.precision();
  if (!describe(p, sizes)) return false;
  LibraryProduct product{sizes, p.out, p.a, p.b};
  if (!builder.library_takes(product)) return false;
  if (!uses_tensor_cores(choose_product(sizes_of(p), p.dtype, false, builder).handler)) return false;
  if (p.out.base == base_scratch) {
    builder.add_library_product(product);
    return true;
  }
  // Kernels do nothing once a step has left a false ok. A library cannot know: it writes to scratch, where nothing
  // lives on.
  if (!is_dense(sizes)) return false;
  const int64_t bytes = sizes.batch * sizes.rows * sizes.columns * item_bytes(p.dtype);
  product.out = builder.workspace(bytes);
  builder.add_library_product(product);
  builder.next_phase();
  lower_move(builder, product.out, p.out, bytes);
  return true;
}

}  // namespace phynexus::gpu
