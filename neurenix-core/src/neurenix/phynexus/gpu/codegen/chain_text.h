// A fused chain as source text: its code as calls with constants.
#pragma once

#include <string>
#include <vector>

#include "../device/elementwise/code.h"

namespace phynexus::gpu {

// Whether a handler of this number runs a chain.
bool is_chain(int handler);

// How many operands its code reads and writes.
int chain_operands(const FusedParams& params, const char* program);

// The body of a function of (bases, tile, group) that runs it, on these operands, and in `types` what must stand before
// that function.
std::string write_chain(const FusedParams& params, const char* program,
                        const std::vector<ChainOperand>& operands, bool wide, std::string& types);

}  // namespace phynexus::gpu
