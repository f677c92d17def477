// Registers in memory that nobody reads or writes take no room.
#pragma once

#include <map>
#include <set>

#include "placed.h"

namespace phynexus::fused {

// The offsets of the registers that are read or written when the step runs, its code aside.
std::set<int32_t> used_registers(const Placed& placed, const Blocks& blocks);

// Used registers move together; `moved` says where to, by offset.
struct Compacted {
  Placed placed;
  std::map<int32_t, int32_t> moved;
};
Compacted without_unused(Placed placed, const std::set<int32_t>& used);

}  // namespace phynexus::fused
