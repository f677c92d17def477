// The handlers of products and convolutions: their list, parameters and shared memory. For host and device.
//
// A convolution and its gradients are products whose first operand is an image: a term that lies outside of it is 0.
//
// A sum is the same whatever way computes it, bit for bit: its terms are cut into segments, whose length the number of
// terms decides (lower/contract/product.h); the terms of one are added in order from 0, then the segments' sums in
// order from 0. Only tensor cores add as they like: what rounds its factors for them, and large products of half types.
//
// An update takes a product away from what lies in its output, a segment's sum at a time: linear algebra in blocks.
#pragma once

#include "../record.h"

// X(name, Params, kernel). Tiles go through shared memory and need the whole device to be worth it; the others are for
// small products, within a task too.
#define PHYNEXUS_CONTRACT_TILE_HANDLERS(X)                 \
  X(product_f32_large, ProductParams, product_large)       \
  X(product_f32_medium, ProductParams, product_medium)     \
  X(product_f32_small, ProductParams, product_small)       \
  X(product_f64, ProductParams, product_other)             \
  X(product_f16, ProductParams, product_other)             \
  X(product_bf16, ProductParams, product_other)            \
  X(product_i32, ProductParams, product_other)             \
  X(product_i64, ProductParams, product_other)             \
  X(product_u8, ProductParams, product_other)              \
  X(product_tensor_tf32, ProductParams, product_tensor)    \
  X(product_tensor_bf16, ProductParams, product_tensor)    \
  X(product_tensor_f16, ProductParams, product_tensor)     \
  X(product_tensor_as_bf16, ProductParams, product_tensor) \
  X(product_update_f32, ProductParams, product_update)     \
  X(product_update_f64, ProductParams, product_update)
#define PHYNEXUS_CONTRACT_DIRECT_HANDLERS(X)                       \
  X(product_direct_f32, ProductParams, contract)                   \
  X(product_direct_image_f32, ProductParams, contract)             \
  X(product_direct_other, ProductParams, contract_other)           \
  X(product_direct_large_f32, ProductParams, product_direct)       \
  X(product_direct_large_image_f32, ProductParams, product_direct) \
  X(product_lanes, ProductParams, contract)                        \
  X(product_update_direct, ProductParams, contract_other)          \
  X(product_sum, ProductSumParams, contract)
#define PHYNEXUS_CONTRACT_HANDLERS(X)  \
  PHYNEXUS_CONTRACT_DIRECT_HANDLERS(X) \
  PHYNEXUS_CONTRACT_TILE_HANDLERS(X)

namespace phynexus::gpu {

// One axis of a product. Strides in bytes; 0 for an operand that does not have it. `magic` and `shift` divide by the
// size: see axes.h. A step along it moves the place in the image by (h, w).
struct ProductAxis {
  int32_t size = 1;
  uint32_t magic = 0;
  int32_t shift = 0;
  int32_t h = 0, w = 0;
  int32_t unused = 0;
  int64_t out = 0, a = 0, b = 0;
};

// out[batch, m, n] = sum over k of a[batch, m, k] * b[batch, k, n]
struct ProductParams {
  Pointer out, a, b;
  int64_t axes =
      0;  // where they lie in the program: batch's, then m's, n's and k's, each the innermost first
  int32_t batch_axes = 0, m_axes = 0, n_axes = 0, k_axes = 0;
  int32_t batch = 1, m = 1, n = 1, k = 1;  // their elements; of k may be 0
  int32_t h = 0, w = 0;                    // the image's place at m = 0, k = 0
  int32_t height = 1, width = 1;           // of the image; a product without one has 1 and 1
  int32_t splits =
      1;  // the terms go in so many parts; where there are more than one, `out` has the sums of each segment
  int32_t split_k = 1;       // terms of a part: some segments
  int64_t split_stride = 0;  // bytes of `out` from one segment's sums to the next's, where splits > 1
  int32_t a_along_k = 0, b_along_k = 0;  // whether neighbouring threads had better read along k
  int32_t dtype = 0;
  int32_t unit_m = 1, unit_n = 1;  // of what a thread does at a time, where there are no tiles
  int32_t tile_units = 1;          // units of a tile, where there are no tiles of shared memory
  int32_t segment = 1;             // terms that are added up by themselves: a multiple of all tiles' depths
  int32_t sharing = 1;             // lanes that share the segments of a sum: a power of two, at most 32
};

// out = the sum of the segments' sums, in their order.
struct ProductSumParams {
  Pointer out, sums;
  int64_t axes = 0;  // of the output, the innermost first, whose elements the sums have densely in that order
  int32_t axis_count = 0;
  int32_t segments = 1;
  int64_t segment_stride = 0;
  int32_t count = 0;       // elements of the output
  int32_t tile_count = 1;  // of a tile
  int32_t dtype = 0;
  int32_t unused = 0;
};

// A tile's rows and columns, and the bytes of shared memory, which tile.h and tensor_tile.h hold to.
inline constexpr int product_f32_large_m = 128, product_f32_large_n = 64;
inline constexpr int product_f32_medium_m = 64, product_f32_medium_n = 64;
inline constexpr int product_f32_small_m = 32, product_f32_small_n = 32;
inline constexpr int product_other_m = 32, product_other_n = 32;
inline constexpr int product_tensor_m = 128, product_tensor_n = 64;
inline constexpr int product_update_f32_m = 64, product_update_f32_n = 64;
inline constexpr int product_update_f64_m = 32, product_update_f64_n = 32;

inline constexpr int product_f32_large_shared_bytes = 20 << 10;
inline constexpr int product_f32_medium_shared_bytes = 24 << 10;
inline constexpr int product_f32_small_shared_bytes = 12 << 10;
inline constexpr int product_f64_shared_bytes = 20 << 10;
inline constexpr int product_f16_shared_bytes = 12 << 10;
inline constexpr int product_bf16_shared_bytes = 12 << 10;
inline constexpr int product_i32_shared_bytes = 12 << 10;
inline constexpr int product_i64_shared_bytes = 20 << 10;
inline constexpr int product_u8_shared_bytes = 12 << 10;
inline constexpr int product_tensor_tf32_shared_bytes = 20 << 10;
inline constexpr int product_tensor_bf16_shared_bytes = 20 << 10;
inline constexpr int product_tensor_f16_shared_bytes = 20 << 10;
inline constexpr int product_tensor_as_bf16_shared_bytes = 20 << 10;
inline constexpr int product_update_f32_shared_bytes = 24 << 10;
inline constexpr int product_update_f64_shared_bytes = 20 << 10;
inline constexpr int product_update_direct_shared_bytes = 0;
inline constexpr int product_direct_f32_shared_bytes = 0;
inline constexpr int product_direct_image_f32_shared_bytes = 0;
inline constexpr int product_direct_other_shared_bytes = 0;
inline constexpr int product_direct_large_f32_shared_bytes = 0;
inline constexpr int product_direct_large_image_f32_shared_bytes = 0;
inline constexpr int product_lanes_shared_bytes = 0;
inline constexpr int product_sum_shared_bytes = 0;

}  // namespace phynexus::gpu
