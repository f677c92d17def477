// Where the rows of an input begin, and which arguments are read there.
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

ReadInPlace read_in_place(const std::vector<PlacedOperation>& operations, const RowOperands& operands) {
  ReadInPlace in_place{.operations = operations, .walks = {}};
  std::map<int32_t, RowWalk> walks;
  each_argument(in_place.operations, [&](PlacedArgument& argument) {
    const auto found = operands.find(argument.location.offset);
    if (!argument.location.in_registers() || argument.uniform || found == operands.end()) return;
    const RowOperand& operand = found->second;
    argument.location = {.slot = operand.walk.slot};
    argument.repeat = operand.repeat;
    in_place.any = true;
    if (!operand.walk.starts.empty()) walks[operand.walk.slot] = operand.walk;
  });
  if (elements_in_order(in_place.operations, walks)) {
    each_argument(in_place.operations, [](PlacedArgument& argument) {
      if (argument.repeat == Repeat::element_anywhere) argument.repeat = Repeat::element;
    });
    return in_place;
  }
  for (auto& [slot, walk] : walks) in_place.walks.push_back(std::move(walk));
  return in_place;
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
