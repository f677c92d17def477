// Operands that lie in the rows of a block, and are read and written there instead of in a copy.
#pragma once

#include "coded.h"

namespace phynexus::fused {

// How an input lies in a block's rows, each of which it repeats or has an element of.
struct RowOperand {
  Repeat repeat = Repeat::never;
  RowWalk walk;  // no starts: there is no need of one
};
using RowOperands = std::map<int32_t, RowOperand>;  // by the register that the operand is copied to

// Inputs that would be copied, and lie in rows of so many columns.
RowOperands row_operands(const Placed& placed, const std::vector<Value>& values, const Blocks& blocks,
                         int64_t columns);

struct ReadInPlace {
  std::vector<PlacedOperation> operations;
  std::vector<RowWalk> walks;
  std::vector<RowStride> strides;
  bool any = false;
};

// Arguments that lie in rows are read there, not copied first.
ReadInPlace read_in_place(const std::vector<PlacedOperation>& operations, const RowOperands& operands,
                          x86::Extension extension);
// Outputs whose rows lie apart are written there by the operations that make them, not copied at the end of a block.
// Returns how far apart.
std::vector<RowStride> store_in_place(Placed& placed, int64_t columns);
// Drops the copies, unless something else needs them.
void drop_copies(Placed& placed, const RowOperands& operands);

}  // namespace phynexus::fused
