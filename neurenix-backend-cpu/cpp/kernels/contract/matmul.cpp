// Matrix products. First choose an orientation (the product or its transpose) in which vectors run along unit
// strides; then multiply register tiles, reading both operands in place when they allow it and packing the
// right one otherwise.
#include "matmul.h"

#include "../chunks.h"
#include "dot_products.h"
#include "product_tile.h"
#include "../movement/transpose.h"

namespace phynexus::PHYNEXUS_ISA::contract {

namespace {

constexpr int64_t block_rows = 96;    // rows of lhs that stay in the second-level cache ...
constexpr int64_t block_depth = 256;  // ... for so many values of k at a time

// One batch entry's right operand, cut into panels: in place, or packed panel after panel, each [k][vectors].
template <class T>
struct RightOperand {
  const T* data;
  int64_t k, step;
  bool packed;

  const T* panel(const typename Panels<T>::Panel& p) const { return data + (packed ? p.first * k : p.first); }
  int64_t panel_step(const typename Panels<T>::Panel& p) const {
    return packed ? p.vectors * lanes<T> : step;
  }
};

template <class T>
struct LeftOperand {
  const T* data;
  int64_t m, k;  // strides
};

template <class T>
struct Output {
  T* data;
  int64_t m, n;  // strides
};

template <class T>
void pack_panel(const T* rhs, int64_t rhs_k, int64_t rhs_n, int64_t k, const typename Panels<T>::Panel& panel,
                T* to) {
  copy_matrix(rhs + panel.first * rhs_n, rhs_k, rhs_n, to, panel.vectors * lanes<T>, k, panel.width);
}

// One tile whose columns are not adjacent in memory goes through a buffer.
template <class T>
void scatter_tile(TileKernel<T> kernel, TileCall<T>& call, int64_t rows, int64_t width, T* out,
                  const Output<T>& to) {
  constexpr int64_t buffer_row = max_tile_vectors * lanes<T>;
  alignas(64) T buffer[max_adjacent_rows * buffer_row];
  T* pointers[max_adjacent_rows];
  for (int64_t r = 0; r < rows; r++) {
    pointers[r] = buffer + r * buffer_row;
    if (call.accumulate)
      for (int64_t j = 0; j < width; j++) pointers[r][j] = out[r * to.m + j * to.n];
  }
  call.out = pointers;
  kernel(call);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < width; j++) out[r * to.m + j * to.n] = pointers[r][j];
}

// Rows [0, m) of the product over k in [k0, k0 + depth).
template <class T>
void multiply_panel(int64_t m, int64_t k0, int64_t depth, const LeftOperand<T>& lhs,
                    const RightOperand<T>& rhs, const typename Panels<T>::Panel& panel,
                    const Output<T>& out) {
  const bool adjacent = lhs.m == 1;
  const int64_t tiles = tiles_of(m, (adjacent ? adjacent_rows_for : tile_rows_for)[panel.vectors]);
  const Parts parts(m, tiles);
  const int64_t panel_step = rhs.panel_step(panel);
  Segment<T> segment;
  segment.panel = rhs.panel(panel) + k0 * panel_step;
  segment.length = depth;
  T* pointers[max_adjacent_rows];
  TileCall<T> call{&segment, 1, lhs.k, panel_step, 0, 0, pointers, 0, panel.tail, k0 > 0};
  for (int64_t t = 0; t < tiles; t++) {
    const Range rows = parts[t];
    const T* first = lhs.data + rows.begin * lhs.m + k0 * lhs.k;
    T* to = out.data + rows.begin * out.m + panel.first * out.n;
    segment.rows[0] = first;
    if (!adjacent)
      for (int64_t r = 1; r < rows.size(); r++) segment.rows[r] = first + r * lhs.m;
    const TileKernel<T> kernel =
        (adjacent ? adjacent_tile_kernel<T> : tile_kernel<T>)(rows.size(), panel.vectors, panel.kind);
    if (out.n == 1) {
      for (int64_t r = 0; r < rows.size(); r++) pointers[r] = to + r * out.m;
      kernel(call);
    } else {
      scatter_tile(kernel, call, rows.size(), panel.width, to, out);
      call.out = pointers;
    }
  }
}

template <class T>
void multiply(int64_t m, const Panels<T>& panels, int64_t k, const LeftOperand<T>& lhs,
              const RightOperand<T>& rhs, const Output<T>& out) {
  for (int64_t i = 0; i < panels.count; i++) multiply_panel(m, 0, k, lhs, rhs, panels[i], out);
}

// The same for operands that exceed the caches, rhs packed: blocks of rows and of k, lhs packed when it runs
// across k.
template <class T>
void multiply_blocked(int64_t m, const Panels<T>& panels, int64_t k, const LeftOperand<T>& lhs,
                      const RightOperand<T>& rhs, const Output<T>& out, T* lhs_space) {
  const int64_t row_blocks = ceil_divide(m, block_rows), depth_blocks = ceil_divide(k, block_depth);
  for (int64_t i = 0; i < row_blocks; i++) {
    const Range rows = part(m, row_blocks, i);
    for (int64_t d = 0; d < depth_blocks; d++) {
      const Range depth = part(k, depth_blocks, d);
      LeftOperand<T> block{lhs.data + rows.begin * lhs.m, lhs.m, lhs.k};
      if (lhs.k != 1) {
        copy_matrix(block.data + depth.begin * lhs.k, lhs.m, lhs.k, lhs_space, depth.size(), rows.size(),
                    depth.size());
        block = {lhs_space - depth.begin, depth.size(), 1};
      }
      for (int64_t j = 0; j < panels.count; j++)
        multiply_panel(rows.size(), depth.begin, depth.size(), block, rhs, panels[j],
                       Output<T>{out.data + rows.begin * out.m, out.m, out.n});
    }
  }
}

// Estimated vector operations, to choose an orientation by.
template <class T>
double packing_cost(int64_t k, int64_t n, int64_t step_k, int64_t step_n) {
  if (n == 1 || step_n == 1) return 0;
  return double(k) * double(n) * (step_k == 1 && transposes_in_registers<T> ? 0.25 : 1.5);
}
template <class T>
double product_cost(const MatmulProblem& p) {
  const double tiles = double(p.m) * double(ceil_divide(p.n, lanes<T>)) * double(p.k);
  const double sharing = p.rhs_batch == 0 ? double(p.batch) : 1;
  const double scatter = p.out_n == 1 || p.n == 1 ? 0 : 2.0 * double(p.m) * double(p.n);
  return tiles + packing_cost<T>(p.k, p.n, p.rhs_k, p.rhs_n) / sharing + scatter;
}
template <class T>
double dot_cost(const MatmulProblem& p) {
  if ((p.lhs_k != 1 || p.rhs_k != 1) && p.k != 1) return 1e300;
  return double(p.m) * double(p.n) * (double(ceil_divide(p.k, lanes<T>)) * 1.2 + 6);
}

MatmulProblem transposed(const MatmulProblem& p) {
  return {p.batch,     p.n,     p.m,     p.k,         p.rhs_batch, p.rhs_n, p.rhs_k,
          p.lhs_batch, p.lhs_k, p.lhs_m, p.out_batch, p.out_n,     p.out_m};
}

// A batch over one rhs is one taller product.
void merge_batch(MatmulProblem& p) {
  if (p.m == 1) p.lhs_m = p.lhs_batch, p.out_m = p.out_batch;
  if (p.batch > 1 && p.rhs_batch == 0 && p.lhs_batch == p.m * p.lhs_m && p.out_batch == p.m * p.out_m) {
    p.m *= p.batch;
    p.batch = 1;
  }
}

template <class T>
void multiply_by_dots(const MatmulProblem& p, const T* lhs, const T* rhs, T* out, Team& team) {
  const int64_t chunks = chunks_for(2.0 * p.batch * p.m * p.n * p.k, p.batch * p.m);
  for_chunks(team, chunks, [&](int64_t index, int) {
    const Range units = part(p.batch * p.m, chunks, index);
    for (int64_t unit = units.begin; unit < units.end;) {
      const int64_t b = unit / p.m, first = unit % p.m, rows = smaller(p.m - first, units.end - unit);
      dot_products(rows, p.n, p.k, lhs + b * p.lhs_batch + first * p.lhs_m, p.lhs_m, rhs + b * p.rhs_batch,
                   p.rhs_n, out + b * p.out_batch + first * p.out_m, p.out_m, p.out_n);
      unit += rows;
    }
  });
}

// Every chunk a range of rows of the whole batch; rhs in place, or packed once for all of it.
template <class T>
void multiply_rows(const MatmulProblem& p, const T* lhs, const RightOperand<T>& rhs, T* out, bool blocked,
                   Team& team) {
  const Panels<T> panels(p.n);
  const int64_t grain = blocked ? 48 : 4 * tile_rows_for[panels.widest()];
  const int64_t row_parts = ceil_divide(p.m, grain);
  const int64_t chunks = chunks_for(2.0 * p.batch * p.m * p.n * p.k, p.batch * row_parts);
  for_chunks(team, chunks, [&](int64_t index, int worker) {
    T* space = nullptr;
    if (blocked && p.lhs_k != 1)
      space = static_cast<T*>(team.workspace(worker, block_rows * block_depth * int64_t(sizeof(T))));
    const Range units = part(p.batch * row_parts, chunks, index);
    for (int64_t unit = units.begin; unit < units.end;) {
      const int64_t b = unit / row_parts, first = unit % row_parts,
                    parts = smaller(row_parts - first, units.end - unit);
      const int64_t row = first * grain, rows = smaller(p.m, (first + parts) * grain) - row;
      const LeftOperand<T> left{lhs + b * p.lhs_batch + row * p.lhs_m, p.lhs_m, p.lhs_k};
      RightOperand<T> right = rhs;
      right.data += b * p.rhs_batch;
      const Output<T> to{out + b * p.out_batch + row * p.out_m, p.out_m, p.out_n};
      if (blocked) multiply_blocked(rows, panels, p.k, left, right, to, space);
      else multiply(rows, panels, p.k, left, right, to);
      unit += parts;
    }
  });
}

template <class T>
RightOperand<T> pack_for_all(const MatmulProblem& p, const T* rhs, Team& team) {
  const Panels<T> panels(p.n);
  T* space = static_cast<T*>(team.shared_workspace(p.k * panels.padded_columns() * int64_t(sizeof(T))));
  const int64_t chunks = chunks_for(2.0 * p.k * p.n, panels.count);
  for_chunks(team, chunks, [&](int64_t index, int) {
    const Range range = part(panels.count, chunks, index);
    for (int64_t i = range.begin; i < range.end; i++)
      pack_panel(rhs, p.rhs_k, p.rhs_n, p.k, panels[i], space + panels[i].first * p.k);
  });
  return {space, p.k, 0, true};
}

// Small products, each with an rhs of its own to pack: chunks of whole batch entries.
template <class T>
void multiply_packing_each(const MatmulProblem& p, const T* lhs, const T* rhs, T* out, Team& team) {
  const Panels<T> panels(p.n);
  const int64_t chunks = chunks_for(2.0 * p.batch * p.m * p.n * p.k, p.batch);
  for_chunks(team, chunks, [&](int64_t index, int worker) {
    T* space = static_cast<T*>(team.workspace(worker, p.k * panels.padded_columns() * int64_t(sizeof(T))));
    const Range entries = part(p.batch, chunks, index);
    for (int64_t b = entries.begin; b < entries.end; b++) {
      for (int64_t i = 0; i < panels.count; i++)
        pack_panel(rhs + b * p.rhs_batch, p.rhs_k, p.rhs_n, p.k, panels[i], space + panels[i].first * p.k);
      multiply(p.m, panels, p.k, LeftOperand<T>{lhs + b * p.lhs_batch, p.lhs_m, p.lhs_k},
               RightOperand<T>{space, p.k, 0, true}, Output<T>{out + b * p.out_batch, p.out_m, p.out_n});
    }
  });
}

}  // namespace

template <class T>
MatmulProblem decide_matmul(const MatmulProblem& problem) {
  using P = MatmulProblem;
  P p = problem;
  merge_batch(p);
  const P q = transposed(p);
  const double direct = product_cost<T>(p), across = product_cost<T>(q), dots = dot_cost<T>(p);
  if (dots < direct && dots < across) {
    p.way = P::by_dots;
    return p;
  }
  if (across < direct) {
    p = q;
    p.exchanged = true;
    if (p.m == 1) p.lhs_m = 0;
  }
  const bool large = p.m >= 32 && p.k * p.n >= 128 * 128;
  if ((p.rhs_n == 1 || p.n == 1) && !large) p.way = P::in_place;
  else if (large) p.way = P::packed_blocks;
  else p.way = p.rhs_batch == 0 ? P::packed_once : P::packed_each;
  return p;
}

template <class T>
void matmul(const MatmulProblem& problem, const T* lhs, const T* rhs, T* out, Team& team) {
  using P = MatmulProblem;
  if (problem.batch <= 0 || problem.m <= 0 || problem.n <= 0) return;
  if (problem.way == P::undecided) return matmul(decide_matmul<T>(problem), lhs, rhs, out, team);
  const P& p = problem;
  if (p.exchanged) {
    const T* left = lhs;
    lhs = rhs;
    rhs = left;
  }
  switch (p.way) {
    case P::by_dots: return multiply_by_dots(p, lhs, rhs, out, team);
    case P::in_place:
      return multiply_rows(p, lhs, RightOperand<T>{rhs, p.k, p.rhs_k, false}, out, false, team);
    case P::packed_each: return multiply_packing_each(p, lhs, rhs, out, team);
    default: break;
  }
  const bool large = p.way == P::packed_blocks;
  if (p.rhs_batch == 0) return multiply_rows(p, lhs, pack_for_all(p, rhs, team), out, large, team);
  P one = p;
  one.batch = 1;
  for (int64_t b = 0; b < p.batch; b++) {
    const RightOperand<T> packed = pack_for_all(one, rhs + b * p.rhs_batch, team);
    multiply_rows(one, lhs + b * p.lhs_batch, packed, out + b * p.out_batch, large, team);
  }
}

template MatmulProblem decide_matmul<float>(const MatmulProblem&);
template MatmulProblem decide_matmul<double>(const MatmulProblem&);
template void matmul<float>(const MatmulProblem&, const float*, const float*, float*, Team&);
template void matmul<double>(const MatmulProblem&, const double*, const double*, double*, Team&);

}  // namespace phynexus::PHYNEXUS_ISA::contract
