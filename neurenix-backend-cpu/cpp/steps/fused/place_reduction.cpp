// Where a block's reductions leave partial results.
#include <algorithm>

#include "placed.h"

namespace phynexus::fused {

PlacedReduction place_reduction(const Chain& chain, const Blocks& blocks, size_t output, Location values,
                                RegisterFile& file) {
  const Output& what = chain.outputs[output];
  const BlockSizes& sizes = blocks.sizes;
  PlacedReduction reduction;
  reduction.opcode = what.reduction;
  reduction.dtype = chain.dtypes[size_t(what.value)];
  reduction.item_bytes = reduction.is_argmax() ? 4 : item_bytes(reduction.dtype);
  if (reduction.is_argmax()) reduction.positions = positions_of(chain, blocks);
  reduction.values = values;
  // Room for half of the rows, where these are shorter than half a vector (see reduce.cpp).
  const bool narrow = sizes.columns > 1 && (sizes.varying == BlockSizes::by_columns ||
                                            sizes.columns * 2 * item_bytes(reduction.dtype) < PHX_ALIGNMENT);
  reduction.spare = reduction.is_argmax() || narrow ? file.allocate(blocks.block_bytes()) : values;
  reduction.tile = blocks.tile(chain.inputs + output, reduction.item_bytes, true);
  reduction.tile.strided = operand_location(chain.inputs + output);
  reduction.dense = blocks.access(reduction.tile) == Access::dense;
  reduction.level_bytes = round_up(sizes.width_of(sizes.leading) * reduction.item_bytes);
  reduction.partial = file.allocate(reduction.level_bytes);
  if (reduction.is_argmax()) reduction.levels = reduction.partial;
  else if (sizes.steps > 1)
    reduction.levels = file.allocate(reduction.level_bytes * (reduction.is_sum() ? reduction_levels : 1));
  return reduction;
}

void join_argmax(std::vector<PlacedReduction>& reductions, const Blocks& blocks) {
  std::stable_partition(reductions.begin(), reductions.end(),
                        [](const PlacedReduction& r) { return r.is_argmax(); });
  if (blocks.sizes.steps > 1) return;
  for (PlacedReduction& argmax : reductions) {
    if (!argmax.is_argmax()) continue;
    const auto maximum = std::find_if(reductions.begin(), reductions.end(), [&](const PlacedReduction& r) {
      return r.is_maximum() && !r.in_argmax && r.values == argmax.values;
    });
    if (maximum == reductions.end()) continue;
    argmax.spare = maximum->dense ? maximum->tile.strided : maximum->partial;
    maximum->in_argmax = true;
  }
}

}  // namespace phynexus::fused
