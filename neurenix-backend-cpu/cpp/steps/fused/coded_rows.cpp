// Code over the rows of a block: which reductions it makes of them, and how many columns it takes at once.
#include <algorithm>

#include "row_operands.h"

namespace phynexus::fused {
namespace {

constexpr int64_t fewest_columns = 8, most_columns = 256, most_rows_in_group = 16;
constexpr int most_vectors = 4, lanes = 16;

bool sums_rows(const Placed& placed, const BlockSizes& sizes) {
  return !placed.reductions.empty() && sizes.groups == 1 && sizes.columns > 1 &&
         (sizes.varying == BlockSizes::none || sizes.varying == BlockSizes::by_rows);
}

// Whether the maxima of the block are those of short groups of its rows.
bool finds_maxima(const BlockSizes& sizes, int64_t columns) {
  return sizes.steps == 1 && sizes.columns == columns && sizes.rows <= most_rows_in_group &&
         (sizes.varying == BlockSizes::none || sizes.varying == BlockSizes::by_groups);
}

// 0 where a block is nothing of the kind.
int64_t columns_of(const Placed& placed, const Blocks& blocks) {
  const bool sums = sums_rows(placed, blocks.sizes);
  if (!sums && blocks.axes.size() < 2) return 0;
  const int64_t columns = sums ? blocks.sizes.columns : blocks.axes.back().size;
  return columns < fewest_columns || columns > most_columns ? 0 : columns;
}

// The maximum that an argmax finds on its way.
const PlacedReduction* maximum_of(const std::vector<PlacedReduction>& reductions,
                                  const PlacedReduction& argmax) {
  for (const PlacedReduction& r : reductions)
    if (r.in_argmax && r.values == argmax.values) return &r;
  return nullptr;
}

// Marks the reductions that code can make of the rows. Returns whether there are any.
bool choose_results(Placed& placed, const RowOperands& operands, const BlockSizes& sizes, int64_t columns) {
  bool any = false;
  const bool sums = sums_rows(placed, sizes), maxima = finds_maxima(sizes, columns);
  for (PlacedReduction& r : placed.reductions) {
    const bool copied = r.values.in_registers() && operands.count(r.values.offset);
    const bool possible = r.is_sum() ? sums : (r.is_maximum() || r.is_argmax()) && maxima;
    // An argmax alone has nowhere to leave the largest.
    const bool alone = r.is_argmax() && !maximum_of(placed.reductions, r);
    r.in_code = r.dtype == PHX_FLOAT32 && !copied && possible && !alone;
    any |= r.in_code;
  }
  return any;
}

RowResults row_results(const Placed& placed, const BlockSizes& sizes) {
  const auto place = [&](const PlacedReduction& r) {
    return sizes.steps == 1 && r.dense ? r.tile.strided : r.partial;
  };
  RowResults results;
  for (const PlacedReduction& r : placed.reductions) {
    if (!r.in_code || r.in_argmax) continue;
    if (r.is_sum()) results.sums.push_back({.value = r.values, .to = place(r)});
    else if (r.is_maximum()) results.maxima.push_back({.value = r.values, .to = place(r)});
    else
      results.maxima.push_back({.value = r.values,
                                .to = place(*maximum_of(placed.reductions, r)),
                                .place_to = place(r),
                                .places = r.positions.rows});
  }
  if (!results.maxima.empty()) results.rows_in_group = int(sizes.rows);
  return results;
}

// As many vectors of columns at once as the processor's registers allow.
std::optional<Code> write_widest(const std::vector<PlacedOperation>& operations, const Placed& placed,
                                 const Rows& rows) {
  if (!std::all_of(operations.begin(), operations.end(), can_write)) return {};
  const Dataflow flow(operations, read_after(placed));
  const Run run{.operations = operations, .flow = flow, .begin = 0, .end = operations.size()};
  for (int vectors = std::min(int((rows.columns + lanes - 1) / lanes), most_vectors); vectors > 0; vectors--)
    if (std::optional<Code> code = write_rows(run, rows, vectors)) return code;
  return {};
}

}  // namespace

std::optional<Coded> code_by_rows(const Placed& placed, const std::vector<Value>& values,
                                  const Blocks& blocks) {
  const int64_t columns = columns_of(placed, blocks);
  if (columns == 0 || placed.operations.empty()) return {};
  const RowOperands operands = row_operands(placed, values, blocks, columns);
  const ReadInPlace in_place = read_in_place(placed.operations, operands);
  Placed left = placed;
  const bool results = choose_results(left, operands, blocks.sizes, columns);
  if (!in_place.any && !results) return {};
  const Parted parted = part(in_place.operations);
  const auto write = [&] {
    const Rows rows{.columns = columns, .results = row_results(left, blocks.sizes), .walks = in_place.walks};
    return write_widest(parted.rest, left, rows);
  };
  std::optional<Code> code = write();
  if (!code && in_place.any && results) {  // with fewer registers for results there may be enough
    for (PlacedReduction& reduction : left.reductions) reduction.in_code = false;
    code = write();
  }
  if (!code) return {};
  drop_copies(left, operands);
  left.operations = parted.single;
  Coded coded = in_kernels(std::move(left));
  coded.pieces.push_back(std::move(*code));
  return compact(std::move(coded), blocks);
}

}  // namespace phynexus::fused
