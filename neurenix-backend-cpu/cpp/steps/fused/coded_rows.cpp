// A block as rows of dense columns, which sums add up or operands repeat: what is read where it lies, what stays in
// the processor's registers, and the code for it.
#include <algorithm>
#include <cstdlib>

#include "coded.h"

namespace phynexus::fused {
namespace {

constexpr int64_t fewest_columns = 8, most_columns = 256, most_rows_in_group = 16;
constexpr int most_vectors = 4, lanes = 16;

// How an input lies in a block's rows, each of which it repeats or has an element of.
struct RowOperand {
  Repeat repeat = Repeat::never;
  RowWalk walk;  // no starts: there is no need of one
};
using RowOperands = std::map<int32_t, RowOperand>;  // by the register that the operand is copied to

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

struct ReadInPlace {
  std::vector<PlacedOperation> operations;
  std::map<int32_t, RowWalk> walks;  // by slot
  bool any = false;
};

// Arguments that lie in rows are read there, not copied first.
ReadInPlace read_in_place(const std::vector<PlacedOperation>& operations, const RowOperands& operands) {
  ReadInPlace in_place{.operations = operations, .walks = {}};
  for (PlacedOperation& operation : in_place.operations)
    for (int k = 0; k < operation.arity; k++) {
      PlacedArgument& argument = operation.arguments[k];
      const auto found = operands.find(argument.location.offset);
      if (!argument.location.in_registers() || argument.uniform || found == operands.end()) continue;
      const RowOperand& operand = found->second;
      argument.location = {.slot = operand.walk.slot};
      argument.repeat = operand.repeat;
      in_place.any = true;
      if (!operand.walk.starts.empty()) in_place.walks[operand.walk.slot] = operand.walk;
    }
  return in_place;
}

// One element a row, one after the other, needs no walk where nothing else does.
std::vector<RowWalk> needed_walks(ReadInPlace& in_place) {
  std::vector<RowWalk> walks;
  bool counted = true;  // all are such elements
  for (const auto& [slot, walk] : in_place.walks) {
    walks.push_back(walk);
    for (size_t row = 0; row < walk.starts.size(); row++) counted &= walk.starts[row] == int32_t(4 * row);
  }
  const auto each_argument = [&](const auto& f) {
    for (PlacedOperation& operation : in_place.operations)
      for (int k = 0; k < operation.arity; k++) f(operation.arguments[k]);
  };
  each_argument([&](const PlacedArgument& argument) {
    counted &= argument.repeat != Repeat::row || !in_place.walks.count(argument.location.slot);
  });
  if (!counted) return walks;
  each_argument([](PlacedArgument& argument) {
    if (argument.repeat == Repeat::element_anywhere) argument.repeat = Repeat::element;
  });
  return {};
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

// Rows that are read where they lie are not copied, unless something else needs the copy.
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

}  // namespace

std::optional<Coded> code_by_rows(const Placed& placed, const std::vector<Value>& values,
                                  const Blocks& blocks) {
  const int64_t columns = columns_of(placed, blocks);
  if (columns == 0 || placed.operations.empty()) return {};
  const RowOperands operands = row_operands(placed, values, blocks, columns);
  ReadInPlace in_place = read_in_place(placed.operations, operands);
  const std::vector<RowWalk> walks = needed_walks(in_place);
  Placed left = placed;
  const bool results = choose_results(left, operands, blocks.sizes, columns);
  if (!in_place.any && !results) return {};
  const Parted parted = part(in_place.operations);
  const auto write = [&] {
    const Rows rows{.columns = columns, .results = row_results(left, blocks.sizes), .walks = walks};
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
