// Small matrix products of float32 as machine code of their own: sizes and strides are constants in it, so that
// nothing is left to decide, to look up or to pack in a list when it runs. Each output adds its terms in the order
// of k with one rounding for each, as the tiles in kernels/product_tile.h do: not a bit differs.
#pragma once

#include "code_memory.h"
#include "extension.h"
#include "../../kernels/contract/contract.h"

namespace phynexus {

using ProductCode = void (*)(const float* lhs, const float* rhs, float* out);

// For one batch entry, whose rows of rhs and out are dense (rhs_n and out_n are 1, or n is). Null where the product is
// too large to gain from it, or the code would be, or where columns are no whole vectors of AVX2.
ProductCode write_product(const MatmulProblem& problem, x86::Extension extension, CodeMemory& memory);

}  // namespace phynexus
