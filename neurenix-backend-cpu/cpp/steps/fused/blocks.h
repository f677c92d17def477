// How a chain's elements are cut into blocks, and blocks are grouped where they reduce to the same elements.
#pragma once

#include "chain.h"
#include "block.h"

namespace phynexus::fused {

enum class Access { dense, uniform, strided };

struct Blocks {
  std::vector<Axis> axes;   // of a block; the first is as long as `leading` says
  std::vector<Loop> loops;  // from block to block: over cells, then over the steps of a cell
  size_t cell_loops = 0;
  int64_t total = 1;          // elements of all blocks
  bool first_varies = false;  // a last block may be shorter along axes[0]
  BlockSizes sizes;
  int64_t largest_item = 1;

  int64_t elements() const { return sizes.leading * sizes.inner; }
  int64_t block_bytes() const {
    return round_up(elements() * largest_item) + PHX_ALIGNMENT;
  }  // see read_tile
  // Operand k's elements within a block; reduced axes are left out for an output that lacks them.
  PlacedTile tile(size_t operand, int32_t item_bytes, bool without_reduced) const;
  Access access(const PlacedTile& tile) const;
  bool same_in_all(size_t operand) const;
};

// Blocks whose values stay in a cache of so many bytes.
Blocks lay_out(const Chain& chain, int64_t cache_bytes);

// Row-major positions among what is reduced: of the rows of a block, and of the first row of each step.
struct Positions {
  std::vector<int32_t> rows, steps;
};
Positions positions_of(const Chain& chain, const Blocks& blocks);

}  // namespace phynexus::fused
