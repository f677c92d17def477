// Gives each value of a chain its place: inputs, then operations in their order, then outputs.
#include <algorithm>

#include "engine/failure.h"
#include "placed.h"

namespace phynexus::fused {
namespace {

class Placer {
 public:
  Placer(const Chain& chain, const Blocks& blocks, const std::vector<Value>& values, const Sharing& sharing)
      : chain_(chain),
        blocks_(blocks),
        values_(values),
        sharing_(sharing),
        readers_(readers_of(chain)),
        locations_(chain.dtypes.size()) {
    placed_.direct.assign(chain.outputs.size(), false);
  }

  Placed place();

 private:
  void input(size_t k);
  void operation(size_t index);
  void output(size_t k);
  PlacedArgument argument(int32_t value) const;
  Location place_of_result(size_t index, const PlacedOperation& placed);
  Location fill_block(int32_t value, Location to, bool first);
  Location block_register();
  void free_after(size_t index);
  bool read_later(size_t output, int32_t after) const;
  int64_t output_to_write(size_t index) const;

  const Chain& chain_;
  const Blocks& blocks_;
  const std::vector<Value>& values_;
  const Sharing& sharing_;
  Readers readers_;
  std::vector<Location> locations_;  // of the values
  std::vector<Location> free_;       // registers of a block that nobody reads again
  Placed placed_;
};

Location Placer::block_register() {
  if (free_.empty()) return placed_.file.allocate(blocks_.block_bytes());
  const Location location = free_.back();
  free_.pop_back();
  return location;
}

void Placer::input(size_t k) {
  const Value& value = values_[k];
  if (value.in_place) {
    locations_[k] = operand_location(k);
    return;
  }
  PlacedTile tile = blocks_.tile(k, item_bytes(chain_.dtypes[k]), false);
  tile.strided = operand_location(k);
  tile.dense = placed_.file.allocate(value.uniform ? 2 * PHX_ALIGNMENT : blocks_.block_bytes());
  if (value.uniform) {
    tile.varies = false;
    tile.tile.factor = 1;
  }
  locations_[k] = tile.dense;
  (value.hoisted ? placed_.first_loads : placed_.loads).push_back(tile);
}

// Whether an output would be written over an input that is read where it lies by a later operation.
bool Placer::read_later(size_t output, int32_t after) const {
  for (size_t k = 0; k < chain_.inputs; k++)
    if (values_[k].in_place && readers_.last[k] > after && sharing_.possible(k, output)) return true;
  return false;
}

// The output that an operation may write itself, or -1.
int64_t Placer::output_to_write(size_t index) const {
  const size_t value = chain_.inputs + index;
  const bool one_element = blocks_.elements() == 1;
  if ((values_[value].uniform && !one_element) || values_[value].hoisted) return -1;
  for (size_t j = 0; j < chain_.outputs.size(); j++) {
    if (chain_.outputs[j].value != int32_t(value) || chain_.outputs[j].reduction) continue;
    const PlacedTile tile = blocks_.tile(chain_.inputs + j, item_bytes(chain_.dtypes[value]), false);
    const bool dense = one_element || blocks_.access(tile) == Access::dense;
    if (dense && !read_later(j, int32_t(index))) return int64_t(j);
  }
  return -1;
}

void Placer::free_after(size_t index) {
  for (const int32_t argument : chain_.operations[index].arguments) {
    if (argument < int32_t(chain_.inputs)) continue;
    const Value& value = values_[size_t(argument)];
    const Location location = locations_[size_t(argument)];
    int32_t& last = readers_.last[size_t(argument)];
    if (value.uniform || value.hoisted || !location.in_registers() || last != int32_t(index)) continue;
    free_.push_back(location);
    last = -1;  // once
  }
}

// One element, as a block of it.
Location Placer::fill_block(int32_t value, Location to, bool first) {
  PlacedOperation filled;
  filled.operation = {.opcode = fill, .dtype = chain_.dtypes[size_t(value)]};
  filled.out = to;
  filled.arity = 1;
  filled.arguments[0] = argument(value);
  filled.arguments[0].uniform = true;
  (first ? placed_.first_operations : placed_.operations).push_back(filled);
  return to;
}

PlacedArgument Placer::argument(int32_t value) const {
  return {.location = locations_[size_t(value)],
          .dtype = chain_.dtypes[size_t(value)],
          .uniform = values_[size_t(value)].uniform};
}

Location Placer::place_of_result(size_t index, const PlacedOperation& placed) {
  const size_t value = chain_.inputs + index;
  if (const int64_t output = output_to_write(index); output >= 0) {
    placed_.direct[size_t(output)] = true;
    locations_[value] = operand_location(chain_.inputs + size_t(output));
    free_after(index);
    return locations_[value];
  }
  if (placed.single || values_[value].hoisted)
    return placed_.file.allocate(placed.single ? 8 : blocks_.block_bytes());
  // The result may take the place of an operand that nobody reads again, if elements are of one size.
  const bool same_size = std::all_of(placed.arguments, placed.arguments + placed.arity, [&](const auto& a) {
    return item_bytes(a.dtype) == item_bytes(chain_.dtypes[value]);
  });
  if (same_size) free_after(index);
  const Location location = block_register();
  if (!same_size) free_after(index);
  return location;
}

void Placer::operation(size_t index) {
  const size_t value = chain_.inputs + index;
  const bool first = values_[value].hoisted;
  PlacedOperation placed;
  placed.operation = chain_.operations[index];
  placed.single = values_[value].uniform;
  const int32_t* arguments = placed.operation.arguments;
  for (; placed.arity < 4 && arguments[placed.arity] >= 0; placed.arity++)
    placed.arguments[placed.arity] = argument(arguments[placed.arity]);
  PlacedArgument& condition = placed.arguments[0];
  if (placed.operation.opcode == PHX_WHERE && condition.uniform && !placed.single) {
    // One condition for the whole block: as a block of conditions.
    const Location block = placed_.file.allocate(blocks_.block_bytes());
    condition = {.location = fill_block(arguments[0], block, first), .dtype = PHX_BOOL};
  }
  placed.out = locations_[value] = place_of_result(index, placed);
  (first ? placed_.first_operations : placed_.operations).push_back(placed);
}

void Placer::output(size_t k) {
  if (placed_.direct[k]) return;
  const Output& output = chain_.outputs[k];
  const Value& value = values_[size_t(output.value)];
  const int32_t bytes = item_bytes(chain_.dtypes[size_t(output.value)]);
  PlacedTile tile = blocks_.tile(chain_.inputs + k, bytes, false);
  Location location = locations_[size_t(output.value)];
  if (value.uniform && blocks_.elements() > 1) {
    const bool direct =
        !output.reduction && blocks_.access(tile) == Access::dense && !read_later(k, Readers::at_the_end - 1);
    location = fill_block(
        output.value,
        direct ? operand_location(chain_.inputs + k) : placed_.file.allocate(blocks_.block_bytes()), false);
    if (direct) return;
  }
  if (output.reduction) {
    PlacedReduction reduction = place_reduction(chain_, blocks_, k, location, placed_.file);
    reduction.saved_offset = placed_.saved_bytes;
    placed_.saved_bytes += reduction.level_bytes;
    placed_.reductions.push_back(std::move(reduction));
  } else {
    tile.dense = location;
    tile.strided = operand_location(chain_.inputs + k);
    tile.unshared = true;
    for (size_t input = 0; input < chain_.inputs; input++) tile.unshared &= !sharing_.possible(input, k);
    placed_.stores.push_back(tile);
  }
}

Placed Placer::place() {
  for (size_t k = 0; k < chain_.inputs; k++) input(k);
  placed_.operations.reserve(chain_.operations.size());
  for (size_t i = 0; i < chain_.operations.size(); i++)
    if (!chain_.operations[i].joined && readers_.count[chain_.inputs + i] > 0) operation(i);
  for (size_t k = 0; k < chain_.outputs.size(); k++) output(k);
  join_argmax(placed_.reductions, blocks_);
  return std::move(placed_);
}

}  // namespace

Location RegisterFile::allocate(int64_t bytes) {
  const Location location{.slot = 0, .offset = int32_t(bytes_)};
  registers_.push_back({.offset = location.offset, .bytes = round_up(bytes)});
  bytes_ += round_up(bytes);
  if (bytes_ > INT32_MAX / 2) lack("a fused instruction needs too many registers");
  return location;
}

Placed place(const Chain& chain, const Blocks& blocks, const std::vector<Value>& values,
             const Sharing& sharing) {
  return Placer(chain, blocks, values, sharing).place();
}

}  // namespace phynexus::fused
