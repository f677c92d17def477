#include "layout.h"

#include <algorithm>

namespace phynexus {
namespace {

// With a reduced axis innermost: kept axes, then reduced ones, so that a block has whole rows to add up. With
// a kept axis innermost: the reduced axes go next to the innermost run of kept ones, and whole rows are added
// to each other.
void group_axes(std::vector<Axis>& axes) {
  if (axes.empty()) return;
  size_t end = axes.size();
  if (!axes.back().reduced)
    while (end > 0 && !axes[end - 1].reduced) end--;
  std::stable_partition(axes.begin(), axes.begin() + int64_t(end),
                        [](const Axis& axis) { return !axis.reduced; });
  // Reduced axes in their own order, so that the first of equals is met first.
  const auto first =
      std::find_if(axes.begin(), axes.begin() + int64_t(end), [](const Axis& a) { return a.reduced; });
  std::stable_sort(first, axes.begin() + int64_t(end),
                   [](const Axis& a, const Axis& b) { return a.strides.back() > b.strides.back(); });
}

FusedLoop loop_over(const Axis& axis, int64_t count, int64_t step, bool split) {
  FusedLoop loop{count, split, axis.strides};
  for (int64_t& stride : loop.strides) stride *= step;
  return loop;
}

// The block's elements as [groups, rows, columns], rows being reduced.
void find_reduction_shape(FusedLayout& layout) {
  const auto& axes = layout.tile_axes;
  size_t d = 0;
  const bool reduces = std::any_of(axes.begin(), axes.end(), [](const Axis& axis) { return axis.reduced; });
  const auto multiply = [&](int64_t& product, int which) {
    if (d == 0 && layout.first_varies) layout.varying = which;
    else product *= axes[d].size;
  };
  for (; reduces && !axes[d].reduced; d++) multiply(layout.groups, FusedStep::by_groups);
  for (; d < axes.size() && axes[d].reduced; d++) multiply(layout.rows, FusedStep::by_rows);
  for (; d < axes.size(); d++) multiply(layout.columns, FusedStep::by_columns);
}

}  // namespace

FusedLayout lay_out(std::vector<Axis> axes, int64_t block_limit) {
  FusedLayout layout;
  sort_axes(axes);
  group_axes(axes);
  merge_axes(axes);
  for (const Axis& axis : axes) layout.total *= axis.size;

  size_t first = axes.size();
  while (first > 0 && layout.inner * axes[first - 1].size <= block_limit) layout.inner *= axes[--first].size;
  layout.tile_axes.assign(axes.begin() + int64_t(first), axes.end());
  if (first == 0) {
    if (!layout.tile_axes.empty()) {
      layout.leading = layout.tile_axes[0].size;
      layout.inner /= layout.leading;
    }
    find_reduction_shape(layout);
    return layout;
  }

  const Axis& cut = axes[first - 1];
  const int64_t pieces = (cut.size + block_limit / layout.inner - 1) / (block_limit / layout.inner);
  layout.leading = (cut.size + pieces - 1) / pieces;
  if (layout.inner == 1) layout.leading = std::min(cut.size, (layout.leading + 15) / 16 * 16);
  const int64_t count = (cut.size + layout.leading - 1) / layout.leading;
  layout.split_size = cut.size;
  layout.first_varies = cut.size % layout.leading != 0;
  layout.tile_axes.insert(layout.tile_axes.begin(), cut);
  layout.tile_axes[0].size = layout.leading;
  find_reduction_shape(layout);

  // Cells outside, the steps of a cell inside.
  for (const bool reduced : {false, true}) {
    for (size_t d = 0; d + 1 < first; d++)
      if (axes[d].reduced == reduced) layout.loops.push_back(loop_over(axes[d], axes[d].size, 1, false));
    if (cut.reduced == reduced && count > 1)
      layout.loops.push_back(loop_over(cut, count, layout.leading, layout.first_varies));
    if (!reduced) layout.cell_loops = layout.loops.size();
  }
  for (size_t d = 0; d < layout.loops.size(); d++)
    (d < layout.cell_loops ? layout.cells : layout.steps) *= layout.loops[d].count;
  return layout;
}

FusedTile FusedLayout::tile(size_t operand, int32_t item_bytes, bool without_reduced) const {
  FusedTile result{};
  Tile& tile = result.tile;
  tile.item_bytes = item_bytes;
  tile.factor = 1;
  for (size_t d = 0; d < tile_axes.size(); d++) {
    const Axis& axis = tile_axes[d];
    if (without_reduced && axis.reduced) continue;
    const bool varies = d == 0 && first_varies;
    if (!varies && axis.size == 1) continue;
    const int64_t stride = axis.strides[operand];
    if (tile.rank > 0 && tile.strides[tile.rank - 1] == stride * axis.size) {
      (tile.rank == 1 ? tile.factor : tile.counts[tile.rank - 1]) *= axis.size;
      tile.strides[tile.rank - 1] = stride;
      continue;
    }
    if (tile.rank == 0) {
      result.varies = varies;
      tile.factor = varies ? 1 : axis.size;
    } else {
      tile.counts[tile.rank] = axis.size;
    }
    tile.strides[tile.rank++] = stride;
  }
  if (tile.rank == 0) {
    tile.rank = 1;
    tile.strides[0] = item_bytes;
  }
  return result;
}

Access FusedLayout::access(const FusedTile& tile) const {
  if (tile.tile.rank > 1) return Access::strided;
  if (tile.tile.strides[0] == tile.tile.item_bytes) return Access::dense;
  return tile.tile.strides[0] == 0 ? Access::uniform : Access::strided;
}

void FusedLayout::find_positions(size_t operand, std::vector<int32_t>& rows,
                                 std::vector<int32_t>& starts) const {
  rows = starts = {0};
  const auto walk = [&](std::vector<int32_t>& positions, int64_t count, int64_t stride) {
    const std::vector<int32_t> before = std::move(positions);
    positions.clear();
    for (const int32_t start : before)
      for (int64_t i = 0; i < count; i++) positions.push_back(int32_t(start + i * stride));
  };
  for (const Axis& axis : tile_axes)
    if (axis.reduced) walk(rows, axis.size, axis.strides[operand]);
  for (size_t d = cell_loops; d < loops.size(); d++) walk(starts, loops[d].count, loops[d].strides[operand]);
}

bool FusedLayout::same_in_all_blocks(size_t operand) const {
  return std::all_of(loops.begin(), loops.end(),
                     [&](const FusedLoop& loop) { return loop.strides[operand] == 0; });
}

}  // namespace phynexus
