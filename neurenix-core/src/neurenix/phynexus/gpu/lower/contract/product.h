// Products of any number of axes, as a lowering describes them; see device/contract/params.h for what they compute.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "../builder.h"

namespace phynexus::gpu {

// An axis of a product: strides in elements, and the move over the image.
struct Extended {
  int64_t size = 1;
  int64_t out = 0, a = 0, b = 0;
  int64_t h = 0, w = 0;
};

struct Product {
  int32_t dtype = 0;
  Pointer out, a, b;
  std::vector<Extended> batch = {}, m = {}, n = {}, k = {};
  bool image = false;  // whether a term of `a` may lie outside of height x width
  int64_t h = 0, w = 0, height = 1, width = 1;
};

// What an instruction computes: one product, or for the gradient of a convolution with a stride one for each residue.
Product product_of_dot(const Builder& builder, const phx_instruction& instruction);
std::vector<Product> products_of_convolution(const Builder& builder, const phx_instruction& instruction);

// Its axes sorted, and as few as can be: batch, rows and columns have the innermost first, terms the last.
void merge_axes(Product& product);

// The shape that a way to compute a product sees.
struct ProductSizes {
  int64_t batch = 1, m = 1, n = 1, k = 1;
};
ProductSizes sizes_of(const Product& product);

// Terms that are added up by themselves, of `k`: from their number alone, so that no way to compute a product, whatever
// batch it is part of, gives other bits. At most 256 segments.
constexpr int64_t product_segment(int64_t k) { return 128 * std::max<int64_t>(1, (k + 32767) / 32768); }

// Lanes that share the segments of a sum, where lanes do.
constexpr int32_t product_sharing(int64_t segments) {
  int32_t lanes = 1;
  while (lanes < 32 && lanes < segments) lanes *= 2;
  return lanes;
}

// Whether a handler adds as tensor cores do: each part of the terms as one segment.
constexpr bool uses_tensor_cores(Handler handler) {
  return handler == handler_product_tensor_tf32 || handler == handler_product_tensor_bf16 ||
         handler == handler_product_tensor_f16 || handler == handler_product_tensor_as_bf16;
}

enum class ProductWay { tiles, units, lanes };

struct ProductChoice {
  ProductWay way = ProductWay::units;
  Handler handler = handler_product_direct_f32;
  int32_t tile_m = 1, tile_n = 1;  // or the unit
  int32_t splits = 1;              // parts of the segments, at most
};

// The same for the same sizes, whatever the device: `builder` says whether it is for a task, of how many threads, and
// what tensor cores there are to be used.
ProductChoice choose_product(const ProductSizes& sizes, int32_t dtype, bool image, const Builder& builder);

// Merges axes, chooses a way for each of the products, and adds their records: those that are split in two phases.
using ProductChooser = std::function<ProductChoice(const ProductSizes&, int32_t dtype, bool image)>;
void lower_products(Builder& builder, std::vector<Product> products, const ProductChooser& choose);
void lower_products(Builder& builder, std::vector<Product> products);

// Leaves a product to the vendor's library. False: it is the kernels' to compute, and nothing was added.
bool lower_by_library(Builder& builder, Product product);

}  // namespace phynexus::gpu
