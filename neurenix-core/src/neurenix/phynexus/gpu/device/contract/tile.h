// A tile of a product through shared memory: slabs of both operands in turn, sums in registers.
#pragma once

#include "axes.h"
#include "numbers.h"

namespace phynexus::gpu {

// Where a tile's rows, columns and terms lie.
struct alignas(16) ProductRow {
  int64_t a;
  int32_t h, w;
};
using ProductTerm = ProductRow;
inline constexpr int64_t product_no_place = INT64_MIN;

// The tile's place among all, its operands' first bytes and its terms.
struct ProductTileAt {
  int32_t batch, split, m, n;  // m, n: the first row and column
  int32_t first_k, end_k;
  const char *a, *b;
  char* out;
};

DEVICE ProductTileAt tile_at(const ProductParams& p, const ProductAxes& axes, char* const* bases,
                             int64_t tile, int rows, int columns) {
  // There are less than 2^31 tiles: 64 bits would be divided by calls, and registers spilled around them.
  const uint32_t across = uint32_t(p.n + columns - 1) / uint32_t(columns),
                 down = uint32_t(p.m + rows - 1) / uint32_t(rows), number = uint32_t(tile);
  ProductTileAt at;
  at.n = int32_t(number % across) * columns;
  at.m = int32_t(number / across % down) * rows;
  at.batch = int32_t(number / across / down % uint32_t(p.batch));
  at.split = int32_t(number / across / down / uint32_t(p.batch));
  at.first_k = at.split * p.split_k;
  at.end_k = p.k - at.first_k < p.split_k ? p.k : at.first_k + p.split_k;
  const ProductPlace batch = product_place(axes.batch, p.batch_axes, at.batch);
  at.a = bases[p.a.base] + p.a.offset + batch.a;
  at.b = bases[p.b.base] + p.b.offset + batch.b;
  at.out = bases[p.out.base] + p.out.offset + batch.out + at.first_k / p.segment * p.split_stride;
  return at;
}

// Puts down where rows, columns and terms lie: of rows [at.m, at.m + count), and so on.
DEVICE void place_rows(const ProductParams& p, const ProductAxes& axes, const ProductTileAt& at,
                       ProductRow* rows, int64_t* outs, int count, const Group& group) {
  ONE_BY_ONE
  for (int i = group.thread; i < count; i += group.threads) {
    const bool is_there = at.m + i < p.m;
    const ProductPlace place = product_place(axes.m, p.m_axes, is_there ? at.m + i : 0);
    rows[i] = {place.a, is_there ? place.h + p.h : product_outside, place.w + p.w};
    outs[i] = is_there ? place.out : product_no_place;
  }
}
DEVICE void place_columns(const ProductParams& p, const ProductAxes& axes, const ProductTileAt& at,
                          int64_t* columns, int64_t* outs, int count, const Group& group) {
  ONE_BY_ONE
  for (int i = group.thread; i < count; i += group.threads) {
    const bool is_there = at.n + i < p.n;
    const ProductPlace place = product_place(axes.n, p.n_axes, is_there ? at.n + i : 0);
    columns[i] = is_there ? place.b : product_no_place;
    outs[i] = is_there ? place.out : product_no_place;
  }
}
DEVICE void place_terms(const ProductParams& p, const ProductAxes& axes, const ProductTileAt& at,
                        ProductTerm* terms, int64_t* others, int slab, int count, const Group& group) {
  ONE_BY_ONE
  for (int i = group.thread; i < count; i += group.threads) {
    const int32_t k = at.first_k + slab * count + i;
    if (k < at.end_k) {
      const ProductPlace place = product_place(axes.k, p.k_axes, k);
      terms[i] = {place.a, place.h, place.w};
      others[i] = place.b;
    } else {
      terms[i] = {0, product_outside, 0};
      others[i] = product_no_place;
    }
  }
}

// Where an element of a slab lies, for thread after thread: along k or across it.
DEVICE int along(int e, bool along_k, int depth, int width, int& k) {
  if (along_k) {
    k = e % depth;
    return e / depth;
  }
  k = e / width;
  return e % width;
}

template <class T>
DEVICE typename SumOf<T>::Type image_element(const ProductParams& p, const char* a, const ProductRow& row,
                                             const ProductTerm& term) {
  if (!within_image(p, row.h + term.h, row.w + term.w)) return 0;
  return term_in_memory<T>(a + (row.a + term.a));
}
template <class T>
DEVICE typename SumOf<T>::Type other_element(const char* b, int64_t column, int64_t term) {
  if (column == product_no_place || term == product_no_place) return 0;
  return term_in_memory<T>(b + (column + term));
}

// A sum goes to the output, or a segment's to where it has a place; or it is added to what lies there.
template <class T, class Sum>
DEVICE void put_product(const ProductParams& p, char* out, int64_t place, Sum sum, bool is_added = false) {
  if (sizeof(T) == sizeof(Sum) || p.splits > 1) {
    Sum* there = reinterpret_cast<Sum*>(out + place);
    *there = (is_added ? *there : Sum(0)) + sum;
  } else {
    put_sum<T>(out + place, sum);
  }
}

// What an update does with a sum.
template <class T>
DEVICE void take_away(char* place, T sum) {
  T* there = reinterpret_cast<T*>(place);
  *there = *there - sum;
}

// Rows and columns of a tile, terms of a slab, and the rows and columns whose sums a thread holds. A segment is whole
// slabs, so that results depend neither on these numbers nor on the threads.
template <class T, int Rows, int Columns, int Depth, int ThreadRows, int ThreadColumns, bool Updates = false>
struct ProductTile {
  using Sum = typename SumOf<T>::Type;
  static constexpr int threads = Rows / ThreadRows * (Columns / ThreadColumns);
  static constexpr int gap = 16 / int(sizeof(Sum));  // rows of slabs start at other banks
  // Totals of segments lie in the output, where it holds what they are computed in: in registers they would be as many
  // again as the sums.
  static constexpr bool adds_in_place = sizeof(T) == sizeof(Sum);
  static constexpr int a_each = Rows * Depth / threads, b_each = Columns * Depth / threads;
  // A thread's rows come in runs of so many, which it reads at once.
  static constexpr int run_m = ThreadRows < gap ? ThreadRows : gap,
                       run_n = ThreadColumns < gap ? ThreadColumns : gap;
  static_assert(Rows * Depth % threads == 0 && Columns * Depth % threads == 0);

  struct Memory {
    alignas(16) Sum a[2][Depth][Rows + gap];
    alignas(16) Sum b[2][Depth][Columns + gap];
    ProductRow rows[Rows];
    int64_t columns[Columns];
    int64_t out_rows[Rows], out_columns[Columns];
    ProductTerm terms[2][Depth];
    int64_t others[2][Depth];  // the same of b
  };

  static DEVICE void run(const ProductParams& params, char* const* bases, int64_t tile, const Group& group) {
    const ProductParams p = params;  // in registers, not read again after each store
    Memory& memory = *reinterpret_cast<Memory*>(group.memory);
    const ProductAxes axes = axes_of(p, group);
    const ProductTileAt at = tile_at(p, axes, bases, tile, Rows, Columns);
    const bool works = group.thread < threads;
    // A product of no terms has a slab of nothing: its sums are 0.
    const int slabs = at.first_k < at.end_k ? (at.end_k - at.first_k + Depth - 1) / Depth : 1;
    place_rows(p, axes, at, memory.rows, memory.out_rows, Rows, group);
    place_columns(p, axes, at, memory.columns, memory.out_columns, Columns, group);
    place_terms(p, axes, at, memory.terms[0], memory.others[0], 0, Depth, group);
    group.barrier();

    Sum sums[ThreadRows][ThreadColumns], totals[adds_in_place ? 1 : ThreadRows][ThreadColumns];
    UNROLL
    for (int i = 0; i < ThreadRows; i++) UNROLL
    for (int j = 0; j < ThreadColumns; j++) {
      sums[i][j] = 0;
      if constexpr (!adds_in_place) totals[i][j] = 0;
    }
    char* out = at.out;
    int segment_end = p.segment / Depth;  // the slab before which it lies
    Sum next_a[a_each], next_b[b_each];
    const int left = group.thread % (Columns / ThreadColumns) * run_n,
              top = group.thread / (Columns / ThreadColumns) * run_m;

    if (works) load(p, at, memory, 0, group, next_a, next_b);
    for (int slab = 0; slab < slabs; slab++) {
      const int half = slab & 1;
      if (works) store(p, memory, half, group, next_a, next_b);
      place_terms(p, axes, at, memory.terms[half ^ 1], memory.others[half ^ 1], slab + 1, Depth, group);
      group.barrier();  // who passes it reads this half; the other one was read before the last barrier
      if (!works) continue;
      // Behind the last slab nothing is there, and nothing is read. Where a condition says so too, nvcc moves the loads
      // behind the multiplications, and each slab waits for memory.
      load(p, at, memory, half ^ 1, group, next_a, next_b);
      multiply(memory, half, top, left, sums);
      if (slab + 1 < segment_end && slab + 1 < slabs) continue;
      segment_end += p.segment / Depth;
      if (adds_in_place || p.splits > 1) {
        finish(p, memory, out, top, left, p.splits == 1 && slab >= p.segment / Depth, sums);
        out += p.split_stride;
      }
      UNROLL
      for (int i = 0; i < ThreadRows; i++) UNROLL
      for (int j = 0; j < ThreadColumns; j++) {
        if constexpr (!adds_in_place) totals[i][j] = totals[i][j] + sums[i][j];
        sums[i][j] = 0;
      }
    }
    if constexpr (!adds_in_place) {
      if (works && p.splits == 1) finish(p, memory, out, top, left, false, totals);
    }
  }

 private:
  static DEVICE void load(const ProductParams& p, const ProductTileAt& at, const Memory& memory, int half,
                          const Group& group, Sum (&next_a)[a_each], Sum (&next_b)[b_each]) {
    UNROLL
    for (int i = 0; i < a_each; i++) {
      int k;
      const int m = along(group.thread + i * threads, p.a_along_k, Depth, Rows, k);
      next_a[i] = image_element<T>(p, at.a, memory.rows[m], memory.terms[half][k]);
    }
    UNROLL
    for (int i = 0; i < b_each; i++) {
      int k;
      const int n = along(group.thread + i * threads, p.b_along_k, Depth, Columns, k);
      next_b[i] = other_element<T>(at.b, memory.columns[n], memory.others[half][k]);
    }
  }

  static DEVICE void store(const ProductParams& p, Memory& memory, int half, const Group& group,
                           const Sum (&next_a)[a_each], const Sum (&next_b)[b_each]) {
    UNROLL
    for (int i = 0; i < a_each; i++) {
      int k;
      const int m = along(group.thread + i * threads, p.a_along_k, Depth, Rows, k);
      memory.a[half][k][m] = next_a[i];
    }
    UNROLL
    for (int i = 0; i < b_each; i++) {
      int k;
      const int n = along(group.thread + i * threads, p.b_along_k, Depth, Columns, k);
      memory.b[half][k][n] = next_b[i];
    }
  }

  // The thread's i-th row, from `top`; columns alike.
  static DEVICE constexpr int row(int i) { return i / run_m * (Rows / (ThreadRows / run_m)) + i % run_m; }
  static DEVICE constexpr int column(int j) {
    return j / run_n * (Columns / (ThreadColumns / run_n)) + j % run_n;
  }

  static DEVICE void multiply(const Memory& memory, int half, int top, int left,
                              Sum (&sums)[ThreadRows][ThreadColumns]) {
    UNROLL
    for (int k = 0; k < Depth; k++) {
      struct alignas(run_m * sizeof(Sum)) RunM {
        Sum x[run_m];
      };
      struct alignas(run_n * sizeof(Sum)) RunN {
        Sum x[run_n];
      };
      RunM x[ThreadRows / run_m];
      RunN y[ThreadColumns / run_n];
      UNROLL
      for (int i = 0; i < ThreadRows / run_m; i++)
        x[i] = *reinterpret_cast<const RunM*>(&memory.a[half][k][top + row(i * run_m)]);
      UNROLL
      for (int j = 0; j < ThreadColumns / run_n; j++)
        y[j] = *reinterpret_cast<const RunN*>(&memory.b[half][k][left + column(j * run_n)]);
      UNROLL
      for (int i = 0; i < ThreadRows; i++) UNROLL
      for (int j = 0; j < ThreadColumns; j++)
        sums[i][j] = multiply_add(x[i / run_m].x[i % run_m], y[j / run_n].x[j % run_n], sums[i][j]);
    }
  }

  static DEVICE void finish(const ProductParams& p, const Memory& memory, char* out, int top, int left,
                            bool is_added, const Sum (&sums)[ThreadRows][ThreadColumns]) {
    UNROLL
    for (int i = 0; i < ThreadRows; i++) {
      const int64_t place = memory.out_rows[top + row(i)];
      if (place == product_no_place) continue;
      UNROLL
      for (int j = 0; j < ThreadColumns; j++) {
        const int64_t column_place = memory.out_columns[left + column(j)];
        if (column_place == product_no_place) continue;
        if constexpr (Updates) take_away<T>(out + (place + column_place), sums[i][j]);
        else put_product<T>(p, out, place + column_place, sums[i][j], is_added);
      }
    }
  }
};

}  // namespace phynexus::gpu
