// Makes records of a product: its axes in a good order, as few as can be, then the way that was chosen.
#include "product.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "../../../engine/failure.h"

namespace phynexus::gpu {
namespace {

int64_t count_of(const std::vector<Extended>& axes) {
  int64_t count = 1;
  for (const Extended& axis : axes) count = times(count, axis.size);
  return count;
}

// The innermost first: small strides of the output, then of the operands.
void sort_by_strides(std::vector<Extended>& axes) {
  std::stable_sort(axes.begin(), axes.end(), [](const Extended& x, const Extended& y) {
    const auto key = [](const Extended& axis) {
      return std::pair(std::abs(axis.out), std::abs(axis.a) + std::abs(axis.b));
    };
    return key(x) < key(y);
  });
}

// What can be one axis is one.
void merge(std::vector<Extended>& axes) {
  std::erase_if(axes, [](const Extended& axis) { return axis.size == 1; });
  std::vector<Extended> merged;
  for (const Extended& axis : axes) {
    if (!merged.empty()) {
      Extended& inner = merged.back();
      const auto goes_on = [&](int64_t before, int64_t after) { return after == before * inner.size; };
      if (goes_on(inner.out, axis.out) && goes_on(inner.a, axis.a) && goes_on(inner.b, axis.b) &&
          goes_on(inner.h, axis.h) && goes_on(inner.w, axis.w)) {
        inner.size *= axis.size;
        continue;
      }
    }
    merged.push_back(axis);
  }
  axes = std::move(merged);
}

// Batch axes over which an operand does not move belong to the other's rows or columns.
void fold_batch(Product& p) {
  std::vector<Extended> kept;
  for (const Extended& axis : p.batch) {
    if (axis.b == 0) p.m.push_back(axis);
    else if (axis.a == 0 && axis.h == 0 && axis.w == 0) p.n.push_back(axis);
    else kept.push_back(axis);
  }
  p.batch = std::move(kept);
}

int64_t inner_stride(const std::vector<Extended>& axes, int64_t Extended::* stride) {
  for (const Extended& axis : axes)
    if (axis.*stride) return std::abs(axis.*stride);
  return INT64_MAX;
}

// The columns are those of the two whose output lies closer together.
void turn(Product& p) {
  if (p.image || inner_stride(p.n, &Extended::out) <= inner_stride(p.m, &Extended::out)) return;
  std::swap(p.a, p.b);
  std::swap(p.m, p.n);
  for (auto* axes : {&p.batch, &p.m, &p.n, &p.k})
    for (Extended& axis : *axes) std::swap(axis.a, axis.b);
}

// How far from the image's first place a term may lie.
int64_t reach(const Product& p, int64_t first, int64_t Extended::* move) {
  int64_t far = std::abs(first);
  for (const auto* axes : {&p.m, &p.k})
    for (const Extended& axis : *axes)
      far = plus(far, times(std::abs(axis.*move), std::max<int64_t>(axis.size - 1, 0)));
  return far;
}

ProductAxis encoded(const Extended& axis, int64_t bytes, int64_t out_bytes) {
  ProductAxis x;
  x.size = int32_t(axis.size);
  while ((int64_t(1) << x.shift) < axis.size) x.shift++;
  x.magic = uint32_t(
      ((uint64_t(1) << 32) * ((uint64_t(1) << x.shift) - uint64_t(axis.size))) / uint64_t(axis.size) + 1);
  x.h = int32_t(axis.h);
  x.w = int32_t(axis.w);
  x.out = axis.out * out_bytes;
  x.a = axis.a * bytes;
  x.b = axis.b * bytes;
  return x;
}

int64_t sum_bytes(int32_t dtype) { return std::max(item_bytes(dtype), 4); }

// Where a segment's sums lie: densely, batch by batch, row by row.
void make_dense(Product& p) {
  int64_t stride = 1;
  for (auto* axes : {&p.n, &p.m, &p.batch})
    for (Extended& axis : *axes) {
      axis.out = stride;
      stride *= axis.size;
    }
}

int64_t add_axes(Builder& builder, const std::vector<ProductAxis>& axes) {
  return builder.add_data(axes.data(), int64_t(axes.size() * sizeof(ProductAxis)));
}

int64_t divided_up(int64_t x, int64_t y) { return (x + y - 1) / y; }

// The sums of segments' sums, which come in a phase after the products.
struct SumRecord {
  ProductSumParams params;
  int64_t tiles;
};

// The places of an operand move by so many steps of an axis.
Pointer stepped(Pointer p, int64_t steps, int64_t stride, int64_t bytes) {
  p.offset += steps * stride * bytes;
  return p;
}

// Cuts the longest of the axes in two: the first half stays, the other is given back.
Product cut(Product& p, std::vector<Extended> Product::* axes) {
  const auto longer = [](const Extended& x, const Extended& y) { return x.size < y.size; };
  const auto longest = std::max_element((p.*axes).begin(), (p.*axes).end(), longer) - (p.*axes).begin();
  Product rest = p;
  Extended &here = (p.*axes)[size_t(longest)], &there = (rest.*axes)[size_t(longest)];
  here.size /= 2;
  there.size -= here.size;
  const int64_t bytes = item_bytes(p.dtype);
  rest.out = stepped(p.out, here.size, here.out, bytes);
  rest.a = stepped(p.a, here.size, here.a, bytes);
  rest.b = stepped(p.b, here.size, here.b, bytes);
  rest.h += here.size * here.h;
  rest.w += here.size * here.w;
  return rest;
}

// Of axes in order.
void add_product(Builder& builder, Product p, const ProductChooser& choose, std::vector<SumRecord>& sums) {
  const ProductSizes sizes = sizes_of(p);
  const int64_t most = builder.most_counted() / 2;
  if (sizes.k > most)
    lack(format("sums of %lld terms in a product or convolution: at most %lld", (long long)sizes.k,
                (long long)most));
  if (times(times(sizes.batch, sizes.m), sizes.n) > most) {  // more than are counted: in parts
    Product rest = cut(p, sizes.batch >= std::max(sizes.m, sizes.n) ? &Product::batch
                          : sizes.m >= sizes.n                      ? &Product::m
                                                                    : &Product::n);
    add_product(builder, std::move(p), choose, sums);
    return add_product(builder, std::move(rest), choose, sums);
  }
  const ProductChoice choice = choose(sizes, p.dtype, p.image);
  const int64_t segment = uses_tensor_cores(choice.handler)
                              ? std::max<int64_t>(1, divided_up(sizes.k, choice.splits))
                              : product_segment(sizes.k);
  const int64_t segments = divided_up(sizes.k, segment);
  const int64_t of_split = divided_up(segments, choice.splits);
  const bool is_split = segments > of_split;
  const int64_t bytes = item_bytes(p.dtype), out_bytes = is_split ? sum_bytes(p.dtype) : bytes;
  const int64_t outputs = sizes.batch * sizes.m * sizes.n;
  ProductParams params;
  params.out = p.out;
  params.a = p.a;
  params.b = p.b;
  params.batch = int32_t(sizes.batch);
  params.m = int32_t(sizes.m);
  params.n = int32_t(sizes.n);
  params.k = int32_t(sizes.k);
  params.batch_axes = int32_t(p.batch.size());
  params.m_axes = int32_t(p.m.size());
  params.n_axes = int32_t(p.n.size());
  params.k_axes = sizes.k ? int32_t(p.k.size()) : 0;
  params.h = int32_t(p.h);
  params.w = int32_t(p.w);
  params.height = int32_t(p.height);
  params.width = int32_t(p.width);
  params.dtype = p.dtype;
  params.a_along_k = inner_stride(p.k, &Extended::a) < inner_stride(p.m, &Extended::a);
  params.b_along_k = inner_stride(p.k, &Extended::b) < inner_stride(p.n, &Extended::b);
  params.unit_m = choice.tile_m;
  params.unit_n = choice.tile_n;
  params.segment = int32_t(segment);
  params.split_k = int32_t(is_split ? of_split * segment : sizes.k);
  params.splits = int32_t(is_split ? divided_up(segments, of_split) : 1);
  params.sharing = product_sharing(segments);
  if (is_split) {
    std::vector<ProductAxis> axes;
    for (const auto* kind : {&p.n, &p.m, &p.batch})
      for (const Extended& axis : *kind) axes.push_back(encoded(axis, bytes, bytes));
    ProductSumParams sum;
    sum.axes = add_axes(builder, axes);
    sum.axis_count = int32_t(axes.size());
    sum.out = p.out;
    sum.segments = int32_t(segments);
    sum.segment_stride = params.split_stride = outputs * out_bytes;
    sum.sums = params.out = builder.workspace(params.split_stride * segments);
    sum.count = int32_t(outputs);
    sum.tile_count = 4 * builder.threads();
    sum.dtype = p.dtype;
    sums.push_back({sum, divided_up(outputs, sum.tile_count)});
    make_dense(p);
  }
  std::vector<ProductAxis> axes;
  for (const auto* kind : {&p.batch, &p.m, &p.n})
    for (const Extended& axis : *kind) axes.push_back(encoded(axis, bytes, out_bytes));
  if (sizes.k)
    for (const Extended& axis : p.k) axes.push_back(encoded(axis, bytes, out_bytes));
  params.axes = add_axes(builder, axes);

  const int64_t places =
      sizes.batch * divided_up(sizes.m, choice.tile_m) * divided_up(sizes.n, choice.tile_n);
  switch (choice.way) {
    case ProductWay::tiles: return builder.add(choice.handler, places * params.splits, params);
    case ProductWay::units:
      params.tile_units = builder.threads();
      return builder.add(choice.handler, divided_up(places, params.tile_units), params);
    case ProductWay::lanes:
      params.tile_units = builder.threads() / params.sharing;
      return builder.add(choice.handler, divided_up(places * params.splits, params.tile_units), params);
  }
}

void lower_product(Builder& builder, Product p, const ProductChooser& choose, std::vector<SumRecord>& sums) {
  const ProductSizes sizes = sizes_of(p);
  if (sizes.batch == 0 || sizes.m == 0 || sizes.n == 0) return;
  if (sizes.k == 0) p.image = false;
  merge_axes(p);
  if (p.image && std::max(reach(p, p.h, &Extended::h), reach(p, p.w, &Extended::w)) >= int64_t(1) << 28)
    lack("a convolution whose kernel or padding reaches that far");
  add_product(builder, std::move(p), choose, sums);
}

}  // namespace

ProductSizes sizes_of(const Product& p) {
  return {count_of(p.batch), count_of(p.m), count_of(p.n), count_of(p.k)};
}

void merge_axes(Product& p) {
  fold_batch(p);
  for (auto* axes : {&p.batch, &p.m, &p.n}) sort_by_strides(*axes);
  // The terms keep the instruction's order: strides may come from the number of tasks, which changes no sum.
  std::reverse(p.k.begin(), p.k.end());
  for (auto* axes : {&p.batch, &p.m, &p.n, &p.k}) merge(*axes);
  turn(p);
}

void lower_products(Builder& builder, std::vector<Product> products, const ProductChooser& choose) {
  std::vector<SumRecord> sums;
  for (Product& product : products) lower_product(builder, std::move(product), choose, sums);
  if (!sums.empty()) builder.next_phase();
  for (const SumRecord& sum : sums) builder.add(handler_product_sum, sum.tiles, sum.params);
}

void lower_products(Builder& builder, std::vector<Product> products) {
  lower_products(builder, std::move(products), [&](const ProductSizes& sizes, int32_t dtype, bool image) {
    return choose_product(sizes, dtype, image, builder);
  });
}

}  // namespace phynexus::gpu
