// Small products: a thread reads what it needs where it lies, and holds a few sums.
#pragma once

#include "tile.h"

namespace phynexus::gpu {

// The terms of a thread's sums, in order: the axes of k but the innermost, and that one within. Unit: its rows and
// columns. Image: whether a term of `a` may lie outside. The places move from term to term, so that no others are kept.
template <class T, int UnitRows, int UnitColumns, bool Image>
struct DirectUnit {
  using Sum = typename SumOf<T>::Type;
  const char* a[UnitRows];
  const char* b[UnitColumns];
  int32_t h[UnitRows], w[UnitRows];
  Sum sums[UnitRows][UnitColumns];
  int32_t outer = 0, inner = 0;  // the next term: its index over the other axes of k, and along the innermost
  ProductPlace moved;            // how far the places have come since they were set

  // The next terms, `count` of them, into sums from 0.
  DEVICE void add_segment(const ProductParams& p, const ProductAxis* k, const ProductAxis& step,
                          int32_t count) {
    UNROLL
    for (int i = 0; i < UnitRows; i++) UNROLL
    for (int j = 0; j < UnitColumns; j++) sums[i][j] = 0;
    ONE_BY_ONE
    while (count > 0) {
      move_to_next(p, k, step);
      const int32_t run = step.size - inner < count ? step.size - inner : count;
      add(p, step, run);
      count -= run;
      inner += run;
      if (inner == step.size) {
        inner = 0;
        outer++;
      }
    }
  }

  DEVICE void move_to_next(const ProductParams& p, const ProductAxis* k, const ProductAxis& step) {
    ProductPlace next = product_place(k + 1, p.k_axes - 1, outer);
    next.a += inner * step.a;
    next.b += inner * step.b;
    next.h += inner * step.h;
    next.w += inner * step.w;
    UNROLL
    for (int i = 0; i < UnitRows; i++) {
      a[i] += next.a - moved.a;
      if constexpr (Image) {
        h[i] += next.h - moved.h;
        w[i] += next.w - moved.w;
      }
    }
    UNROLL
    for (int j = 0; j < UnitColumns; j++) b[j] += next.b - moved.b;
    moved = next;
  }

  // Of `count` terms the first ones four at a time, where those of `b` lie side by side; how many. Neighbouring threads
  // then read rows of a matrix, which often begin at the same bank of shared memory.
  DEVICE int32_t add_runs(const ProductAxis& step, int32_t count) {
    constexpr int length = 4;
    struct alignas(length * sizeof(T)) Terms {
      T x[length];
    };
    uint64_t places = 0;
    UNROLL
    for (int j = 0; j < UnitColumns; j++) places |= reinterpret_cast<uint64_t>(b[j]);
    if (step.b != int64_t(sizeof(T)) || places % sizeof(Terms) != 0) return 0;
    int32_t done = 0;
    ONE_BY_ONE
    for (; done + length <= count; done += length) {
      Terms top[UnitColumns];
      UNROLL
      for (int j = 0; j < UnitColumns; j++) {
        top[j] = *reinterpret_cast<const Terms*>(b[j]);
        b[j] += sizeof(Terms);
      }
      UNROLL
      for (int t = 0; t < length; t++) UNROLL
      for (int i = 0; i < UnitRows; i++) {
        const Sum left = term_at<T>(a[i]);
        a[i] += step.a;
        UNROLL
        for (int j = 0; j < UnitColumns; j++) sums[i][j] = multiply_add(left, Sum(top[j].x[t]), sums[i][j]);
      }
    }
    return done;
  }

  // Terms from here on, `count` of them, each a step from the one before.
  DEVICE void add(const ProductParams& p, const ProductAxis& step, int32_t count) {
    int32_t done = 0;
    if constexpr (!Image && sizeof(T) == 4 && UnitRows * UnitColumns <= 4) done = add_runs(step, count);
    bool inside[UnitRows];
    UNROLL
    for (int i = 0; i < UnitRows; i++) inside[i] = !Image || within_image(p, h[i], w[i]);
    [[maybe_unused]] constexpr int at_once =
        UnitRows * UnitColumns * (Image ? 2 : 1) < 8 ? 4 : 2;  // terms on their way take registers
    const bool moves = Image && (step.h != 0 || step.w != 0);
    UNROLL_BY(at_once)
    for (int32_t k = done; k < count; k++) {
      Sum left[UnitRows], top[UnitColumns];
      UNROLL
      for (int i = 0; i < UnitRows; i++) {
        if (moves) {
          inside[i] = within_image(p, h[i], w[i]);
          h[i] += step.h;
          w[i] += step.w;
        }
        left[i] = !Image || inside[i] ? term_at<T>(a[i]) : Sum(0);
        a[i] += step.a;
      }
      UNROLL
      for (int j = 0; j < UnitColumns; j++) {
        top[j] = term_at<T>(b[j]);
        b[j] += step.b;
      }
      UNROLL
      for (int i = 0; i < UnitRows; i++) UNROLL
      for (int j = 0; j < UnitColumns; j++) sums[i][j] = multiply_add(left[i], top[j], sums[i][j]);
    }
    moved.a += count * step.a;
    moved.b += count * step.b;
    moved.h += count * step.h;
    moved.w += count * step.w;
  }
};

// Not inlined: a task's kernel then has the registers of one of these, not of all.
template <class T, int UnitRows, int UnitColumns, bool Image, bool Updates = false>
DEVICE_CALL void direct_units(const ProductParams& p, char* const* bases, int64_t tile, const Group& group) {
  const ProductAxes axes = axes_of(p, group);
  // Columns of a unit lie apart, so that neighbouring threads read neighbouring ones.
  const uint32_t across = uint32_t(p.n + UnitColumns - 1) / UnitColumns,
                 down = uint32_t(p.m + UnitRows - 1) / UnitRows;
  const uint32_t units = uint32_t(p.batch) * down * across, first = uint32_t(tile) * uint32_t(p.tile_units);
  const uint32_t end = units - first < uint32_t(p.tile_units) ? units : first + uint32_t(p.tile_units);
  const ProductAxis step = p.k_axes ? axes.k[0] : ProductAxis();
  ONE_BY_ONE
  for (uint32_t unit = first + uint32_t(group.thread); unit < end; unit += uint32_t(group.threads)) {
    const int32_t left = int32_t(unit % across), top = int32_t(unit / across % down) * UnitRows,
                  batch_index = int32_t(unit / across / down);
    const ProductPlace batch = product_place(axes.batch, p.batch_axes, batch_index);
    const char* a = bases[p.a.base] + p.a.offset + batch.a;
    const char* b = bases[p.b.base] + p.b.offset + batch.b;
    char* out = bases[p.out.base] + p.out.offset + batch.out;
    DirectUnit<T, UnitRows, UnitColumns, Image> own;
    typename SumOf<T>::Type totals[UnitRows][UnitColumns];
    UNROLL
    for (int i = 0; i < UnitRows; i++) {
      const ProductPlace place = product_place(axes.m, p.m_axes, top + i < p.m ? top + i : p.m - 1);
      own.a[i] = a + place.a;
      own.h[i] = p.h + place.h;
      own.w[i] = p.w + place.w;
    }
    UNROLL
    for (int j = 0; j < UnitColumns; j++) {
      const int32_t n = left + j * int32_t(across);
      own.b[j] = b + product_place(axes.n, p.n_axes, n < p.n ? n : p.n - 1).b;
    }
    UNROLL
    for (int i = 0; i < UnitRows; i++) UNROLL
    for (int j = 0; j < UnitColumns; j++) totals[i][j] = 0;
    ONE_BY_ONE
    for (int32_t rest = p.k; rest > 0; rest -= p.segment) {
      own.add_segment(p, axes.k, step, rest < p.segment ? rest : p.segment);
      UNROLL
      for (int i = 0; i < UnitRows; i++) UNROLL
      for (int j = 0; j < UnitColumns; j++) totals[i][j] = totals[i][j] + own.sums[i][j];
    }
    // Where the sums go is found now: kept until here it would take registers.
    UNROLL
    for (int j = 0; j < UnitColumns; j++) {
      const int32_t n = left + j * int32_t(across);
      if (n >= p.n) continue;
      char* column = out + product_place(axes.n, p.n_axes, n).out;
      UNROLL
      for (int i = 0; i < UnitRows; i++) {
        if (top + i >= p.m) continue;
        char* place = column + product_place(axes.m, p.m_axes, top + i).out;
        if constexpr (Updates) take_away<T>(place, totals[i][j]);
        else put_sum<T>(place, totals[i][j]);
      }
    }
  }
}

// Sizes of units: see lower/contract/choose.cpp.
template <bool Image>
DEVICE void direct_units_f32(const ProductParams& p, char* const* bases, int64_t tile, const Group& group) {
  if (p.unit_m == 4) direct_units<float, 4, 1, Image>(p, bases, tile, group);
  else if (p.unit_m == 2) direct_units<float, 2, 2, Image>(p, bases, tile, group);
  else direct_units<float, 1, 1, Image>(p, bases, tile, group);
}
DEVICE void product_direct_f32(const ProductParams& p, char* const* bases, int64_t tile, const Group& group) {
  direct_units_f32<false>(p, bases, tile, group);
}
DEVICE void product_direct_image_f32(const ProductParams& p, char* const* bases, int64_t tile,
                                     const Group& group) {
  direct_units_f32<true>(p, bases, tile, group);
}
// 4 by 4, which takes all registers that two blocks leave each other.
DEVICE void product_direct_large_f32(const ProductParams& p, char* const* bases, int64_t tile,
                                     const Group& group) {
  direct_units<float, 4, 4, false>(p, bases, tile, group);
}
DEVICE void product_direct_large_image_f32(const ProductParams& p, char* const* bases, int64_t tile,
                                           const Group& group) {
  direct_units<float, 4, 4, true>(p, bases, tile, group);
}

struct DirectOther {
  const ProductParams& p;
  char* const* bases;
  int64_t tile;
  const Group& group;
  template <class T>
  DEVICE void operator()(T) const {
    direct_units<T, 1, 1, true>(p, bases, tile, group);
  }
};
DEVICE void product_direct_other(const ProductParams& p, char* const* bases, int64_t tile,
                                 const Group& group) {
  with_product_type(p.dtype, DirectOther{p, bases, tile, group});
}

// Of no more terms than a segment has: a tile takes segment after segment away.
DEVICE void product_update_direct(const ProductParams& p, char* const* bases, int64_t tile,
                                  const Group& group) {
  if (p.dtype == dtype_float64) direct_units<double, 1, 1, false, true>(p, bases, tile, group);
  else direct_units<float, 1, 1, false, true>(p, bases, tile, group);
}

}  // namespace phynexus::gpu
