// One block of a chain's elements: how large it is, where its values lie, and the loops from block to block.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "../step.h"

namespace phynexus::fused {

// Slot 0 is the register file, slot k + 1 the current address of operand k.
struct Location {
  int32_t slot = 0;
  int32_t offset = 0;
  char* at(char* const* slots) const { return slots[slot] + offset; }
  bool in_registers() const { return slot == 0; }
  auto operator<=>(const Location&) const = default;
};
inline Location operand_location(size_t k) { return {.slot = int32_t(k + 1)}; }

// A strided operand, and the dense block that it is copied from or to.
struct PlacedTile {
  Tile tile;
  Location dense, strided;
  bool varies;            // its first axis is as long as the block's
  bool unshared = false;  // of an output: no input may lie in its memory
};

struct Loop {
  int64_t count = 1;
  bool split = false;            // walks the pieces of the block's first axis
  std::vector<int64_t> strides;  // bytes, one for each slot but 0
};

// A block has leading * inner elements, the last one along an axis perhaps fewer. As [groups, rows, columns] its rows
// are what is reduced. Blocks of a cell reduce to the same elements.
struct BlockSizes {
  int64_t cells = 1, steps = 1;  // blocks: cells * steps
  int64_t leading = 1, inner = 1;
  int64_t split_size = 1;  // of the axis that is cut into pieces of `leading`
  int64_t groups = 1, rows = 1, columns = 1;
  enum { none, by_groups, by_rows, by_columns } varying = none;  // which of the three `leading` multiplies

  int64_t groups_of(int64_t now) const { return varying == by_groups ? groups * now : groups; }
  int64_t rows_of(int64_t now) const { return varying == by_rows ? rows * now : rows; }
  int64_t columns_of(int64_t now) const { return varying == by_columns ? columns * now : columns; }
  int64_t width_of(int64_t now) const { return groups_of(now) * columns_of(now); }
};

// Partial results are added up by levels, each of which takes so many of the one below.
inline constexpr int reduction_levels = 4, reduction_radix = 16;

}  // namespace phynexus::fused
