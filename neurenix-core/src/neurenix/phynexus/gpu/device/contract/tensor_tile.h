// A tile of a product on tensor cores: slabs of both operands in shared memory as words, see tensor_cores.h.
#pragma once

#include "tensor_cores.h"
#include "tile.h"

namespace phynexus::gpu {

// Eight warps, four down and two across, each with 32 x 32 of the tile's sums.
template <class T, class Words>
struct TensorTile {
  static constexpr int rows = product_tensor_m, columns = product_tensor_n;
  static constexpr int words = 8, depth = words * Words::parts;
  static constexpr int warps_across = 2, warp_rows = 32, warp_columns = 32;
  static constexpr int warps = rows / warp_rows * warps_across;
  using Part = typename Words::Part;

  struct Memory {
    // Eight more words a row: lanes of a warp then read from banks of their own.
    uint32_t a[2][words][rows + 8];
    uint32_t b[2][words][columns + 8];
    ProductRow rows_at[rows];
    int64_t columns_at[columns];
    int64_t out_rows[rows], out_columns[columns];
    ProductTerm terms[2][depth];
    int64_t others[2][depth];
  };

  static DEVICE void run(const ProductParams& params, char* const* bases, int64_t tile, const Group& group) {
    const ProductParams p = params;  // in registers, not read again after each store
    Memory& memory = *reinterpret_cast<Memory*>(group.memory);
    const ProductAxes axes = axes_of(p, group);
    const ProductTileAt at = tile_at(p, axes, bases, tile, rows, columns);
    const int slabs = (at.end_k - at.first_k + depth - 1) / depth;
    place_rows(p, axes, at, memory.rows_at, memory.out_rows, rows, group);
    place_columns(p, axes, at, memory.columns_at, memory.out_columns, columns, group);
    place_terms(p, axes, at, memory.terms[0], memory.others[0], 0, depth, group);
    group.barrier();
    if (group.threads == warps * 32) run_warps<warps>(p, axes, at, memory, slabs, group);
#if defined(PHYNEXUS_EMULATED)
    else run_warps<2>(p, axes, at, memory, slabs, group);
#endif
  }

 private:
  // Each of so many warps does its share of the eight.
  template <int Warps>
  static DEVICE void run_warps(const ProductParams& p, const ProductAxes& axes, const ProductTileAt& at,
                               Memory& memory, int slabs, const Group& group) {
    constexpr int each = warps / Warps, threads = Warps * 32;
    constexpr int a_each = rows * depth / threads, b_each = columns * depth / threads;
    const int lane = group.thread % LANES, warp = group.thread / 32;
    float sums[each][2][4][4];
    UNROLL
    for (int e = 0; e < each; e++) UNROLL
    for (int i = 0; i < 2; i++) UNROLL
    for (int j = 0; j < 4; j++) UNROLL
    for (int k = 0; k < 4; k++) sums[e][i][j][k] = 0;
    Part next_a[a_each], next_b[b_each];
    const auto load = [&](int half) {
      UNROLL
      for (int i = 0; i < a_each; i++) {
        int k;
        const int m = along(group.thread + i * threads, p.a_along_k, depth, rows, k);
        next_a[i] = Words::part(image_element<T>(p, at.a, memory.rows_at[m], memory.terms[half][k]));
      }
      UNROLL
      for (int i = 0; i < b_each; i++) {
        int k;
        const int n = along(group.thread + i * threads, p.b_along_k, depth, columns, k);
        next_b[i] = Words::part(other_element<T>(at.b, memory.columns_at[n], memory.others[half][k]));
      }
    };
    load(0);
    for (int slab = 0; slab < slabs; slab++) {
      const int half = slab & 1;
      UNROLL
      for (int i = 0; i < a_each; i++) {
        int k;
        const int m = along(group.thread + i * threads, p.a_along_k, depth, rows, k);
        reinterpret_cast<Part*>(&memory.a[half][k / Words::parts][m])[k % Words::parts] = next_a[i];
      }
      UNROLL
      for (int i = 0; i < b_each; i++) {
        int k;
        const int n = along(group.thread + i * threads, p.b_along_k, depth, columns, k);
        reinterpret_cast<Part*>(&memory.b[half][k / Words::parts][n])[k % Words::parts] = next_b[i];
      }
      place_terms(p, axes, at, memory.terms[half ^ 1], memory.others[half ^ 1], slab + 1, depth, group);
      group.barrier();  // who passes it reads this half; the other one was read before the last barrier
      if (slab + 1 < slabs) load(half ^ 1);
      UNROLL
      for (int e = 0; e < each; e++) multiply(memory, half, warp + e * Warps, lane, sums[e]);
    }
    UNROLL
    for (int e = 0; e < each; e++) finish(p, memory, at.out, warp + e * Warps, lane, sums[e]);
  }

  static DEVICE void multiply(const Memory& memory, int half, int warp, int lane, float (&sums)[2][4][4]) {
    const int g = lane % 32 / 4, t = lane % 4;
    const int top = warp / warps_across * warp_rows + g, left = warp % warps_across * warp_columns + g;
    UNROLL
    for (int word = 0; word < words; word += 8) {
      uint32_t a[2][4], b[4][2];
      UNROLL
      for (int i = 0; i < 2; i++) {
        a[i][0] = memory.a[half][word + t][top + 16 * i];
        a[i][1] = memory.a[half][word + t][top + 16 * i + 8];
        a[i][2] = memory.a[half][word + t + 4][top + 16 * i];
        a[i][3] = memory.a[half][word + t + 4][top + 16 * i + 8];
      }
      UNROLL
      for (int j = 0; j < 4; j++) {
        b[j][0] = memory.b[half][word + t][left + 8 * j];
        b[j][1] = memory.b[half][word + t + 4][left + 8 * j];
      }
      UNROLL
      for (int i = 0; i < 2; i++) UNROLL
      for (int j = 0; j < 4; j++) multiply_words(Words(), sums[i][j], a[i], b[j], lane);
    }
  }

  static DEVICE void finish(const ProductParams& p, const Memory& memory, char* out, int warp, int lane,
                            const float (&sums)[2][4][4]) {
    const int g = lane % 32 / 4, t = lane % 4;
    const int top = warp / warps_across * warp_rows + g, left = warp % warps_across * warp_columns + 2 * t;
    UNROLL
    for (int i = 0; i < 4; i++) {
      const int64_t place = memory.out_rows[top + 8 * i];
      if (place == product_no_place) continue;
      UNROLL
      for (int j = 0; j < 8; j++) {
        const int64_t column = memory.out_columns[left + j / 2 * 8 + j % 2];
        if (column != product_no_place)
          put_product<T>(p, out, place + column, sums[i / 2][j / 2][i % 2 * 2 + j % 2]);
      }
    }
  }
};

#define PHYNEXUS_TENSOR_TILE(name, T, Words)                                                       \
  DEVICE void name(const ProductParams& p, char* const* bases, int64_t tile, const Group& group) { \
    static_assert(sizeof(TensorTile<T, Words>::Memory) <= name##_shared_bytes);                    \
    TensorTile<T, Words>::run(p, bases, tile, group);                                              \
  }
PHYNEXUS_TENSOR_TILE(product_tensor_tf32, float, Tf32Words)
PHYNEXUS_TENSOR_TILE(product_tensor_as_bf16, float, BFloat16Words)
PHYNEXUS_TENSOR_TILE(product_tensor_f16, Float16, Float16Words)
PHYNEXUS_TENSOR_TILE(product_tensor_bf16, BFloat16, BFloat16Words)
#undef PHYNEXUS_TENSOR_TILE

}  // namespace phynexus::gpu
