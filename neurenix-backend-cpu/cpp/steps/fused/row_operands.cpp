// Where the rows of an operand begin, and which arguments and results lie there.
#include "row_operands.h"

#include <algorithm>
#include <cstdlib>

namespace phynexus::fused {
namespace {

// Where each row begins that the axes before `end` lead to, in bytes; nothing where that is too far.
std::optional<std::vector<int32_t>> row_starts(const std::vector<Axis>& axes, size_t end, size_t operand) {
  std::vector<int32_t> starts{0};
  for (size_t d = 0; d < end; d++) {
    const int64_t stride = axes[d].strides[operand];
    if (std::abs(stride) > INT32_MAX / PHX_MAX_RANK / axes[d].size) return {};
    const std::vector<int32_t> outer = std::move(starts);
    starts.clear();
    for (const int32_t start : outer)
      for (int64_t i = 0; i < axes[d].size; i++) starts.push_back(int32_t(start + i * stride));
  }
  return starts;
}

// An input in rows of so many columns, where each of its rows is dense or one element.
std::optional<RowOperand> as_rows(const std::vector<Axis>& axes, size_t operand, int32_t bytes,
                                  int64_t columns) {
  size_t first = axes.size();
  int64_t inner = 1;
  bool dense = true, element = bytes == 4;
  while (first > 0 && inner < columns) {
    const Axis& axis = axes[--first];
    dense &= axis.strides[operand] == inner * bytes;
    element &= axis.strides[operand] == 0;
    inner *= axis.size;
  }
  if (inner != columns || (!dense && !element)) return {};
  std::optional<std::vector<int32_t>> starts = row_starts(axes, first, operand);
  if (!starts) return {};
  const bool walks = std::any_of(starts->begin(), starts->end(), [](int32_t start) { return start != 0; });
  if (!walks) starts->clear();
  return RowOperand{.repeat = dense ? Repeat::row : Repeat::element_anywhere,
                    .walk = {.slot = operand_location(operand).slot, .starts = std::move(*starts)}};
}

template <class Operations, class F>
void each_argument(Operations& operations, const F& f) {
  for (auto& operation : operations)
    for (int k = 0; k < operation.arity; k++) f(operation.arguments[k]);
}

// Whether all that walks has one element a row, one after the other: then the number of the row is enough.
bool elements_in_order(const std::vector<PlacedOperation>& operations,
                       const std::map<int32_t, RowWalk>& walks) {
  bool in_order = true;
  for (const auto& [slot, walk] : walks)
    for (size_t row = 0; row < walk.starts.size(); row++) in_order &= walk.starts[row] == int32_t(4 * row);
  each_argument(operations, [&](const PlacedArgument& argument) {
    in_order &= argument.repeat != Repeat::row || !walks.count(argument.location.slot);
  });
  return in_order;
}

// The bytes from row to row, where that is the same for all; else 0.
int64_t regular_stride(const RowWalk& walk) {
  if (walk.starts.size() < 2) return 0;
  const int64_t stride = walk.starts[1];
  for (size_t row = 0; row < walk.starts.size(); row++)
    if (walk.starts[row] != int64_t(row) * stride) return 0;
  return stride;
}

// Whether the operation that makes the stored value may write it to its rows: it does so while others still read.
bool may_store_in_place(const Placed& placed, const PlacedTile& store, int64_t columns) {
  const Tile& tile = store.tile;
  if (tile.rank != 2 || tile.item_bytes != 4 || tile.counts[1] != columns || tile.strides[1] != 4)
    return false;
  const auto stored = std::count_if(placed.stores.begin(), placed.stores.end(),
                                    [&](const PlacedTile& other) { return other.dense == store.dense; });
  const bool reduced = std::any_of(
      placed.reductions.begin(), placed.reductions.end(),
      [&](const PlacedReduction& r) { return r.values == store.dense || r.spare == store.dense; });
  return store.unshared && stored == 1 && !reduced;
}

}  // namespace

RowOperands row_operands(const Placed& placed, const std::vector<Value>& values, const Blocks& blocks,
                         int64_t columns) {
  RowOperands operands;
  for (const std::vector<PlacedTile>* loads : {&placed.loads, &placed.first_loads})
    for (const PlacedTile& load : *loads) {
      const size_t input = size_t(load.strided.slot - 1);
      if (values[input].uniform) continue;
      if (const auto found = as_rows(blocks.axes, input, load.tile.item_bytes, columns))
        operands[load.dense.offset] = *found;
    }
  return operands;
}

ReadInPlace read_in_place(const std::vector<PlacedOperation>& operations, const RowOperands& operands,
                          x86::Extension extension) {
  ReadInPlace in_place{.operations = operations, .walks = {}, .strides = {}};
  std::map<int32_t, RowWalk> walks;
  std::map<int32_t, int64_t> strides;
  each_argument(in_place.operations, [&](PlacedArgument& argument) {
    const auto found = operands.find(argument.location.offset);
    if (!argument.location.in_registers() || argument.uniform || found == operands.end()) return;
    const RowOperand& operand = found->second;
    argument.location = {.slot = operand.walk.slot};
    argument.repeat = operand.repeat;
    in_place.any = true;
    if (operand.walk.starts.empty()) return;
    const int64_t stride = extension == x86::Extension::avx2 ? regular_stride(operand.walk) : 0;
    if (stride != 0 && stride != 4) strides[operand.walk.slot] = stride;
    else walks[operand.walk.slot] = operand.walk;
  });
  for (const auto& [slot, bytes] : strides) in_place.strides.push_back({.slot = slot, .bytes = bytes});
  if (elements_in_order(in_place.operations, walks)) {
    each_argument(in_place.operations, [&](PlacedArgument& argument) {
      if (argument.repeat == Repeat::element_anywhere && walks.count(argument.location.slot))
        argument.repeat = Repeat::element;
    });
    return in_place;
  }
  for (auto& [slot, walk] : walks) in_place.walks.push_back(std::move(walk));
  return in_place;
}

std::vector<RowStride> store_in_place(Placed& placed, int64_t columns) {
  std::vector<RowStride> strides;
  std::vector<PlacedTile> left;
  for (const PlacedTile& store : placed.stores) {
    const auto maker = std::find_if(placed.operations.rbegin(), placed.operations.rend(),
                                    [&](const PlacedOperation& p) { return p.out == store.dense; });
    if (maker == placed.operations.rend() || maker->single || item_bytes(maker->operation.dtype) != 4 ||
        !may_store_in_place(placed, store, columns)) {
      left.push_back(store);
      continue;
    }
    maker->out = store.strided;
    for (auto reader = maker.base(); reader != placed.operations.end(); reader++)
      for (int k = 0; k < reader->arity; k++)
        if (reader->arguments[k].location == store.dense) reader->arguments[k].location = store.strided;
    strides.push_back({.slot = store.strided.slot, .bytes = store.tile.strides[0]});
  }
  placed.stores = std::move(left);
  return strides;
}

void drop_copies(Placed& placed, const RowOperands& operands) {
  std::vector<Location> needed = read_after(placed);
  for (const PlacedOperation& operation : placed.first_operations)
    for (int k = 0; k < operation.arity; k++) needed.push_back(operation.arguments[k].location);
  for (std::vector<PlacedTile>* loads : {&placed.loads, &placed.first_loads})
    std::erase_if(*loads, [&](const PlacedTile& load) {
      return operands.count(load.dense.offset) &&
             std::find(needed.begin(), needed.end(), load.dense) == needed.end();
    });
}

}  // namespace phynexus::fused
