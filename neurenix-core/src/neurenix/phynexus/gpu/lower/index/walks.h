// Walks of several operands as the room of indices takes them: axes ordered and merged as those of a chain.
#pragma once

#include <vector>

#include "../fused/chain.h"

namespace phynexus::gpu {

struct Walked {
  std::vector<int64_t> sizes;
  std::vector<Chain::Operand> operands;
};

// Strides in bytes of the value's axes that `axes` names, one for each axis of the walk; -1: 0.
Chain::Operand walked_operand(const Builder& builder, const phx_value& value, const std::vector<int>& axes);

// Ordered by strides and merged, as far as all operands walk them as one.
Walked ordered(const std::vector<int64_t>& sizes, std::vector<Chain::Operand> operands);
// Merged, but in their own order.
Walked merged(const std::vector<int64_t>& sizes, std::vector<Chain::Operand> operands);

int64_t count_of(const std::vector<int64_t>& sizes);

// The walk as a device has it; in runs along the last axis where `runs`. Sets the operands' strides.
UnitWalk unit_walk(const Builder& builder, const Walked& walked, bool runs,
                   const std::vector<ChainOperand*>& operands);
// Of one operand or several that are walked within a unit: `strides[k]` gets operand k's.
Along along_of(const Builder& builder, const Walked& walked, const std::vector<int64_t*>& strides);

inline int64_t tiles_of(const Builder& builder, int64_t units) {
  return (units + builder.threads() - 1) / builder.threads();
}

}  // namespace phynexus::gpu
