// Orders and merges the axes, and cuts the elements into blocks.
#include "blocks.h"

#include <algorithm>

namespace phynexus::fused {
namespace {

constexpr int64_t fewest_elements = 256, most_elements = 2048, most_bytes_at_once = 64 * 1024;

// How many results of operations are needed at one time, at most.
int64_t most_values_at_once(const Chain& chain) {
  std::vector<int32_t> last(chain.dtypes.size(), -1);
  for (size_t i = 0; i < chain.operations.size(); i++)
    for (const int32_t argument : chain.operations[i].arguments)
      if (argument >= 0) last[size_t(argument)] = int32_t(i);
  int64_t live = 0, most = 0;
  for (size_t i = 0; i < chain.operations.size(); i++) {
    most = std::max(most, ++live);
    for (size_t value = chain.inputs; value < chain.inputs + i; value++)
      if (last[value] == int32_t(i)) live--;
  }
  return most;
}

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

Loop loop_over(const Axis& axis, int64_t count, int64_t step, bool split) {
  Loop loop{.count = count, .split = split, .strides = axis.strides};
  for (int64_t& stride : loop.strides) stride *= step;
  return loop;
}

// The block's elements as [groups, rows, columns], rows being reduced.
void find_reduction_shape(Blocks& blocks) {
  const auto& axes = blocks.axes;
  BlockSizes& sizes = blocks.sizes;
  size_t d = 0;
  const bool reduces = std::any_of(axes.begin(), axes.end(), [](const Axis& axis) { return axis.reduced; });
  const auto multiply = [&](int64_t& product, decltype(sizes.varying) which) {
    if (d == 0 && blocks.first_varies) sizes.varying = which;
    else product *= axes[d].size;
  };
  for (; reduces && !axes[d].reduced; d++) multiply(sizes.groups, BlockSizes::by_groups);
  for (; d < axes.size() && axes[d].reduced; d++) multiply(sizes.rows, BlockSizes::by_rows);
  for (; d < axes.size(); d++) multiply(sizes.columns, BlockSizes::by_columns);
}

// Cells outside, the steps of a cell inside. The last of `axes` is cut into `count` pieces.
void make_loops(Blocks& blocks, const std::vector<Axis>& axes, int64_t count) {
  const Axis& cut = axes.back();
  for (const bool reduced : {false, true}) {
    for (size_t d = 0; d + 1 < axes.size(); d++)
      if (axes[d].reduced == reduced) blocks.loops.push_back(loop_over(axes[d], axes[d].size, 1, false));
    if (cut.reduced == reduced && count > 1)
      blocks.loops.push_back(loop_over(cut, count, blocks.sizes.leading, blocks.first_varies));
    if (!reduced) blocks.cell_loops = blocks.loops.size();
  }
  for (size_t d = 0; d < blocks.loops.size(); d++)
    (d < blocks.cell_loops ? blocks.sizes.cells : blocks.sizes.steps) *= blocks.loops[d].count;
}

// Pieces of nearly equal length, of whole vectors where they are all of the block. Returns how many.
int64_t cut_axis(Blocks& blocks, const Axis& axis, int64_t block_limit) {
  BlockSizes& sizes = blocks.sizes;
  const int64_t most = block_limit / sizes.inner, pieces = (axis.size + most - 1) / most;
  sizes.leading = (axis.size + pieces - 1) / pieces;
  if (sizes.inner == 1) sizes.leading = std::min(axis.size, (sizes.leading + 15) / 16 * 16);
  sizes.split_size = axis.size;
  blocks.first_varies = axis.size % sizes.leading != 0;
  blocks.axes.insert(blocks.axes.begin(), axis);
  blocks.axes[0].size = sizes.leading;
  return (axis.size + sizes.leading - 1) / sizes.leading;
}

// As many elements as the cache has room for, beside what the step reads and writes.
int64_t block_limit_of(const Chain& chain, int64_t cache_bytes) {
  const int64_t item = chain.largest_item(), live = most_values_at_once(chain);
  // What repeats within a block is little, wherever it is kept.
  int64_t streams = live + int64_t(chain.outputs.size());
  for (size_t k = 0; k < chain.inputs; k++)
    streams += std::none_of(chain.axes.begin(), chain.axes.end(),
                            [&](const Axis& axis) { return axis.size > 1 && axis.strides[k] == 0; });
  int64_t limit = most_elements;
  while (limit > fewest_elements && limit * item * streams > cache_bytes) limit /= 2;
  int64_t total = 1;
  for (const Axis& axis : chain.axes) total *= axis.size;
  const int64_t every = live + int64_t(chain.operands());
  if (total <= most_elements && total * item * every <= most_bytes_at_once) limit = std::max(limit, total);
  return limit;
}

}  // namespace

Blocks lay_out(const Chain& chain, int64_t cache_bytes) {
  const int64_t block_limit = block_limit_of(chain, cache_bytes);
  std::vector<Axis> axes = chain.axes;
  sort_axes(axes);
  group_axes(axes);
  merge_axes(axes);
  Blocks blocks;
  blocks.largest_item = chain.largest_item();
  for (const Axis& axis : axes) blocks.total *= axis.size;
  BlockSizes& sizes = blocks.sizes;
  while (!axes.empty() && sizes.inner * axes.back().size <= block_limit) {
    sizes.inner *= axes.back().size;
    blocks.axes.insert(blocks.axes.begin(), std::move(axes.back()));
    axes.pop_back();
  }
  if (!axes.empty()) {
    const int64_t pieces = cut_axis(blocks, axes.back(), block_limit);
    make_loops(blocks, axes, pieces);
  } else if (!blocks.axes.empty()) {
    sizes.leading = blocks.axes[0].size;
    sizes.inner /= sizes.leading;
  }
  find_reduction_shape(blocks);
  return blocks;
}

PlacedTile Blocks::tile(size_t operand, int32_t item_bytes, bool without_reduced) const {
  PlacedTile result{};
  Tile& tile = result.tile;
  tile.item_bytes = item_bytes;
  tile.factor = 1;
  for (size_t d = 0; d < axes.size(); d++) {
    const Axis& axis = axes[d];
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

Access Blocks::access(const PlacedTile& tile) const {
  if (tile.tile.rank > 1) return Access::strided;
  if (tile.tile.strides[0] == tile.tile.item_bytes) return Access::dense;
  return tile.tile.strides[0] == 0 ? Access::uniform : Access::strided;
}

bool Blocks::same_in_all(size_t operand) const {
  return std::all_of(loops.begin(), loops.end(),
                     [&](const Loop& loop) { return loop.strides[operand] == 0; });
}

Positions positions_of(const Chain& chain, const Blocks& blocks) {
  const size_t position = chain.operands();  // the last of the strides
  const auto walk = [](std::vector<int32_t>& positions, int64_t count, int64_t stride) {
    const std::vector<int32_t> before = std::move(positions);
    positions.clear();
    for (const int32_t start : before)
      for (int64_t i = 0; i < count; i++) positions.push_back(int32_t(start + i * stride));
  };
  Positions found{.rows = {0}, .steps = {0}};
  for (const Axis& axis : blocks.axes)
    if (axis.reduced) walk(found.rows, axis.size, axis.strides[position]);
  for (size_t d = blocks.cell_loops; d < blocks.loops.size(); d++)
    walk(found.steps, blocks.loops[d].count, blocks.loops[d].strides[position]);
  return found;
}

}  // namespace phynexus::fused
