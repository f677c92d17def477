// What is the same within a block or in all blocks, and what needs no copy.
#include "values.h"

namespace phynexus::fused {
namespace {

// An output that is a mere copy of an input is written at the end of the block; another output may by then have
// been written over that input.
bool copied_beside_others(const Chain& chain, size_t input, const Sharing& sharing) {
  for (size_t copy = 0; copy < chain.outputs.size(); copy++)
    if (chain.outputs[copy].value == int32_t(input))
      for (size_t other = 0; other < chain.outputs.size(); other++)
        if (other != copy && sharing.possible(input, other)) return true;
  return false;
}

Value classify_input(const Chain& chain, const Blocks& blocks, size_t k, const Sharing& sharing) {
  const Access access = blocks.elements() == 1
                            ? Access::dense
                            : blocks.access(blocks.tile(k, item_bytes(chain.dtypes[k]), false));
  return {.uniform = access == Access::uniform,
          .hoisted = blocks.same_in_all(k) && !blocks.loops.empty(),
          .in_place = access != Access::strided && !copied_beside_others(chain, k, sharing)};
}

}  // namespace

std::vector<Value> classify(const Chain& chain, const Blocks& blocks, const Sharing& sharing) {
  std::vector<Value> values;
  values.reserve(chain.dtypes.size());
  for (size_t k = 0; k < chain.inputs; k++) values.push_back(classify_input(chain, blocks, k, sharing));
  for (const Operation& operation : chain.operations) {
    Value result{.uniform = true, .hoisted = true};
    for (const int32_t argument : operation.arguments)
      if (argument >= 0) {
        result.uniform &= values[size_t(argument)].uniform;
        result.hoisted &= values[size_t(argument)].hoisted;
      }
    values.push_back(result);
  }
  return values;
}

}  // namespace phynexus::fused
