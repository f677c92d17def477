// How the values of a chain lie in its blocks.
#pragma once

#include "sharing.h"

namespace phynexus::fused {

struct Value {
  bool uniform = false;   // one element for the block
  bool hoisted = false;   // the same in all blocks: computed before the first
  bool in_place = false;  // an input that is read where the operand lies
};

std::vector<Value> classify(const Chain& chain, const Blocks& blocks, const Sharing& sharing);

}  // namespace phynexus::fused
