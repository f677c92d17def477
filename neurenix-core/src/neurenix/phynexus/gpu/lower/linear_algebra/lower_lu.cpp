// PHX_LU: a block a matrix where it fits into shared memory, else in blocks.
#include <algorithm>

#include "blocks.h"

namespace phynexus::gpu {
namespace {

constexpr int64_t most_columns = 32;  // of a panel, which a block factors by itself

// Where the order of the rows lies, from a row on.
template <class Params>
void fill_order(Params& p, const Builder& builder, const phx_value& order, int64_t row) {
  const int64_t bytes = item_bytes(order.dtype);
  for (int d = 0; d < order.rank - 1; d++) p.order_batch[d] = order.strides[d] * bytes;
  p.order_row = order.strides[order.rank - 1] * bytes;
  p.order = builder.place(order);
  p.order.offset += row * p.order_row;
}

}  // namespace

void lower_lu(Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const phx_value &in = plan.input(instruction, 0), &out = plan.output(instruction, 0),
                  &order = plan.output(instruction, 1);
  expect_float(in);
  FactorParams p;
  const int64_t count = fill_batch(p, in), n = rows_of(in);
  if (count == 0 || n == 0) return;
  if (!fits_shared_memory(n, n, in.dtype)) return lu_in_blocks(builder, in, out, order);
  p.in = matrices_of(builder, in);
  p.out = matrices_of(builder, out);
  p.n = int32_t(n);
  p.dtype = in.dtype;
  fill_order(p, builder, order, 0);
  builder.add(handler_lu, count, p);
}

// Golub and Van Loan, "Matrix Computations", 4th edition, section 3.4.5: a panel of columns with its pivots, the same
// exchanges in all other columns, the rows right of the panel, and the product of both away from the rest.
void lu_in_blocks(Builder& builder, const phx_value& in, const phx_value& out, const phx_value& order) {
  const Worked w = worked_in(builder, out);
  const int64_t n = rows_of(in);
  const Pointer pivots = builder.workspace(w.count * most_columns * 4),
                copies = builder.workspace(w.count * n * most_columns * item_bytes(w.dtype));
  move_in(builder, in, w);
  for (int64_t k = 0; k < n; k += most_columns) {
    const int64_t size = std::min(most_columns, n - k), next = k + size, rest = n - next;
    builder.next_phase();
    LuPanelParams panel;
    panel.at = w.from(k, k);
    panel.copies = copies;
    panel.pivots = pivots;
    panel.pivot_stride = most_columns;
    fill_order(panel, builder, order, 0);
    w.fill_batch(panel);
    panel.rows = int32_t(n - k);
    panel.columns = int32_t(size);
    panel.dtype = w.dtype;
    panel.begins = k == 0;
    panel.order_rows = int32_t(n);
    builder.add(handler_lu_panel, w.count, panel);
    builder.next_phase();
    SwapRowsParams swap;
    swap.at = w.from(k, 0);
    swap.pivots = pivots;
    swap.pivot_stride = most_columns;
    fill_order(swap, builder, order, k);
    w.fill_batch(swap);
    swap.swaps = int32_t(size);
    swap.columns = int32_t(n);
    swap.panel = int32_t(k);
    swap.tile_columns = builder.threads();
    swap.dtype = w.dtype;
    builder.add(handler_swap_rows, w.count * ((n - 1) / swap.tile_columns + 2), swap);
    if (rest == 0) break;
    builder.next_phase();
    solve_block(builder, w, w.from(k, k), w.from(k, next), size, rest, true, true);
    builder.next_phase();
    take_product_away(builder, w, w.from(next, next), w.from(next, k), w.from(k, next), rest, rest, size);
  }
  if (!is_half(out.dtype)) return;
  builder.next_phase();
  move_out(builder, w, out);
}

}  // namespace phynexus::gpu
