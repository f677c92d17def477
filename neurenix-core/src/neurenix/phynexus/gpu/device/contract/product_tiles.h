// The handlers that do tiles of products in shared memory.
#pragma once

#include "tile.h"

namespace phynexus::gpu {

// With the 256 threads of a device's blocks; the emulator's blocks have fewer, whose threads hold more sums each.
template <class T, int Rows, int Columns, int Depth, int ThreadRows, int ThreadColumns, int SharedBytes,
          bool Updates>
DEVICE void product_tile(const ProductParams& p, char* const* bases, int64_t tile, const Group& group) {
  using Usual = ProductTile<T, Rows, Columns, Depth, ThreadRows, ThreadColumns, Updates>;
  static_assert(Usual::threads == 256 && sizeof(typename Usual::Memory) <= SharedBytes);
#if defined(PHYNEXUS_EMULATED)
  if (group.threads < Usual::threads)
    return ProductTile<T, Rows, Columns, Depth, 2 * ThreadRows, 2 * ThreadColumns, Updates>::run(p, bases,
                                                                                                 tile, group);
#endif
  Usual::run(p, bases, tile, group);
}

#define PHYNEXUS_PRODUCT_TILE_OF(name, T, size, depth, thread_rows, thread_columns, updates)               \
  DEVICE void name(const ProductParams& p, char* const* bases, int64_t tile, const Group& group) {         \
    product_tile<T, size##_m, size##_n, depth, thread_rows, thread_columns, name##_shared_bytes, updates>( \
        p, bases, tile, group);                                                                            \
  }
#define PHYNEXUS_PRODUCT_TILE(name, T, size, depth, thread_rows, thread_columns) \
  PHYNEXUS_PRODUCT_TILE_OF(name, T, size, depth, thread_rows, thread_columns, false)
PHYNEXUS_PRODUCT_TILE(product_f32_large, float, product_f32_large, 8, 8, 4)
PHYNEXUS_PRODUCT_TILE(product_f32_medium, float, product_f32_medium, 16, 4, 4)
PHYNEXUS_PRODUCT_TILE(product_f32_small, float, product_f32_small, 16, 2, 2)
PHYNEXUS_PRODUCT_TILE(product_f64, double, product_other, 16, 2, 2)
PHYNEXUS_PRODUCT_TILE(product_f16, Float16, product_other, 16, 2, 2)
PHYNEXUS_PRODUCT_TILE(product_bf16, BFloat16, product_other, 16, 2, 2)
PHYNEXUS_PRODUCT_TILE(product_i32, uint32_t, product_other, 16, 2, 2)
PHYNEXUS_PRODUCT_TILE(product_i64, uint64_t, product_other, 16, 2, 2)
PHYNEXUS_PRODUCT_TILE(product_u8, uint8_t, product_other, 16, 2, 2)
PHYNEXUS_PRODUCT_TILE_OF(product_update_f32, float, product_update_f32, 16, 4, 4, true)
PHYNEXUS_PRODUCT_TILE_OF(product_update_f64, double, product_update_f64, 16, 2, 2, true)
#undef PHYNEXUS_PRODUCT_TILE
#undef PHYNEXUS_PRODUCT_TILE_OF

}  // namespace phynexus::gpu
