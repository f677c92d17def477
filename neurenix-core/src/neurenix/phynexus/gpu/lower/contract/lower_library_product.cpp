// Whether a product is one that the vendor's library computes, and how it is put to it.
#include <limits>
#include <utility>

#include "../fused/operands.h"
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

// Whether it is one that may round its factors, or add in an order of its own: of tensor cores, or where matrix cores are
// the library's alone, what would have tiles, as large ones do, by permission.
bool may_be_rounded(const Product& p, const Builder& builder) {
  const ProductChoice choice = choose_product(sizes_of(p), p.dtype, false, builder);
  if (builder.tensor_cores()) return uses_tensor_cores(choice.handler);
  const bool is_floating = p.dtype == PHX_FLOAT32 || p.dtype == PHX_FLOAT16 || p.dtype == PHX_BFLOAT16;
  return is_floating && builder.precision() == PHX_PRODUCTS_BFLOAT16 && choice.way == ProductWay::tiles;
}

// A matrix of float32 as bfloat16, its lines as they were, without gaps.
Pointer narrowed(Builder& builder, Pointer from, MatrixLayout& layout, int64_t rows, int64_t columns,
                 int64_t batch) {
  const int64_t lines = layout.turned ? columns : rows, within = layout.turned ? rows : columns;
  const int64_t bytes = item_bytes(PHX_FLOAT32), narrow = item_bytes(PHX_BFLOAT16);
  const Pointer to = builder.workspace(batch * lines * within * narrow);
  Chain chain;
  chain.axes = {{batch, false}, {lines, false}, {within, false}};
  chain.inputs.push_back({from, PHX_FLOAT32, {layout.batch * bytes, layout.line * bytes, bytes}, nullptr});
  chain.operations.push_back({.opcode = PHX_CAST, .dtype = PHX_BFLOAT16, .a = 0});
  chain.outputs.push_back(
      stored(1, {to, PHX_BFLOAT16, {lines * within * narrow, within * narrow, narrow}, nullptr}));
  add_chain(builder, std::move(chain));
  layout.line = within;
  layout.batch = lines * within;
  return to;
}

}  // namespace

bool lower_by_library(Builder& builder, Product p) {
  merge_axes(p);
  LibraryProduct product{{}, p.out, p.a, p.b};
  MatrixProduct& sizes = product.sizes;
  sizes.dtype = sizes.factors = p.dtype;
  sizes.precision = builder.precision();
  if (!describe(p, sizes) || !builder.library_takes(product) || !may_be_rounded(p, builder)) return false;
  const bool is_direct = p.out.base == base_scratch;
  if (!is_direct && !is_dense(sizes)) return false;
  if (p.dtype == PHX_FLOAT32 && !builder.library_rounds()) {
    product.a = narrowed(builder, p.a, sizes.a, sizes.rows, sizes.terms, sizes.batch);
    product.b = narrowed(builder, p.b, sizes.b, sizes.terms, sizes.columns, sizes.batch);
    sizes.factors = PHX_BFLOAT16;
    builder.next_phase();
  }
  if (is_direct) {
    builder.add_library_product(product);
    return true;
  }
  // Kernels do nothing once a step has left a false ok. A library cannot know: it writes to scratch, where nothing
  // lives on.
  const int64_t bytes = sizes.batch * sizes.rows * sizes.columns * item_bytes(p.dtype);
  product.out = builder.workspace(bytes);
  builder.add_library_product(product);
  builder.next_phase();
  lower_move(builder, product.out, p.out, bytes);
  return true;
}

}  // namespace phynexus::gpu
