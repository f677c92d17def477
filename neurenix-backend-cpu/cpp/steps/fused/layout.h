// How a fused step's iteration space is cut into blocks.
#pragma once

#include "step.h"

namespace phynexus {

enum class Access { dense, uniform, strided };

struct FusedLayout {
  std::vector<Axis> tile_axes;  // of a block; the first is as long as `leading` says
  std::vector<FusedLoop> loops;
  size_t cell_loops = 0;
  int64_t cells = 1, steps = 1, leading = 1, inner = 1, split_size = 1, total = 1;
  bool first_varies = false;  // a last block may be shorter along tile_axes[0]
  int64_t groups = 1, rows = 1, columns = 1;
  int varying = FusedStep::none;

  int64_t block_elements() const { return leading * inner; }
  // Operand k's elements within a block; reduced axes are left out for an output that lacks them.
  FusedTile tile(size_t operand, int32_t item_bytes, bool without_reduced) const;
  Access access(const FusedTile& tile) const;
  bool same_in_all_blocks(size_t operand) const;
  // Of the rows of a block, and of the first row of each step: the row-major position among what is reduced, whose
  // steps are those of `operand`.
  void find_positions(size_t operand, std::vector<int32_t>& rows, std::vector<int32_t>& starts) const;
};

// `axes` as in the instruction, with strides in bytes; block_limit in elements.
FusedLayout lay_out(std::vector<Axis> axes, int64_t block_limit);

}  // namespace phynexus
