// Code over the rows of a block: which reductions it makes of them, and how many columns it takes at once.
#include <algorithm>

#include "row_operands.h"

namespace phynexus::fused {
namespace {

constexpr int64_t fewest_columns = 8, most_columns = 256, most_rows_in_group = 16;
constexpr int most_vectors = 4;

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
bool choose_results(Placed& placed, const RowOperands& operands, const BlockSizes& sizes, int64_t columns,
                    x86::Extension extension) {
  bool any = false;
  const bool sums = sums_rows(placed, sizes);
  const bool maxima = extension == x86::Extension::avx512 && finds_maxima(sizes, columns);
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
std::optional<Code> write_widest(const Run& run, const Rows& rows) {
  const int lanes = lanes_of(run.extension), all = int((rows.columns + lanes - 1) / lanes);
  for (int vectors = std::min(all, most_vectors); vectors > 0; vectors--)
    if (std::optional<Code> code = write_rows(run, rows, vectors)) return code;
  return {};
}

// All operations, stage by stage; in one where something is made of the rows. Empty where there is no such code.
std::vector<Code> write_stages(const std::vector<PlacedOperation>& operations, const Placed& placed,
                               const Rows& rows, x86::Extension extension) {
  if (!std::all_of(operations.begin(), operations.end(),
                   [&](const PlacedOperation& p) { return can_write(p, extension); }))
    return {};
  const Dataflow flow(operations, read_after(placed));
  const bool stages = rows.results.sums.empty() && rows.results.maxima.empty();
  std::vector<Code> codes;
  Run run{.extension = extension, .operations = operations, .flow = flow};
  do {
    run.begin = run.end;
    run.end = stages ? end_of_stage(operations, flow, run.begin) : operations.size();
    std::optional<Code> code = write_widest(run, rows);
    if (!code) return {};
    codes.push_back(std::move(*code));
  } while (run.end < operations.size());
  return codes;
}

}  // namespace

std::optional<Coded> code_by_rows(const Placed& placed, const std::vector<Value>& values,
                                  const Blocks& blocks, x86::Extension extension) {
  const int64_t columns = columns_of(placed, blocks);
  if (columns == 0 || placed.operations.empty()) return {};
  const RowOperands operands = row_operands(placed, values, blocks, columns);
  ReadInPlace in_place = read_in_place(placed.operations, operands, extension);
  Placed left = placed;
  left.operations = std::move(in_place.operations);
  std::vector<RowStride> strides = std::move(in_place.strides);
  if (extension == x86::Extension::avx2) {
    const std::vector<RowStride> stored = store_in_place(left, columns);
    in_place.any |= !stored.empty();
    strides.insert(strides.end(), stored.begin(), stored.end());
  }
  const bool results = choose_results(left, operands, blocks.sizes, columns, extension);
  if (!in_place.any && !results) return {};
  const Parted parted = part(left.operations);
  const auto write = [&] {
    const Rows rows{.columns = columns,
                    .results = row_results(left, blocks.sizes),
                    .walks = in_place.walks,
                    .strides = strides};
    return write_stages(parted.rest, left, rows, extension);
  };
  std::vector<Code> codes = write();
  if (codes.empty() && in_place.any && results) {  // with fewer registers for results there may be enough
    for (PlacedReduction& reduction : left.reductions) reduction.in_code = false;
    codes = write();
  }
  if (codes.empty()) return {};
  drop_copies(left, operands);
  left.operations = parted.single;
  Coded coded = in_kernels(std::move(left));
  for (Code& code : codes) coded.pieces.push_back(std::move(code));
  return compact(std::move(coded), blocks);
}

}  // namespace phynexus::fused
