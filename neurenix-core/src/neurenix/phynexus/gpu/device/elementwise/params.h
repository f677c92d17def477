// The handlers of this room: their list, their parameters and the shared memory that they use. For host and device.
#pragma once

#include "code.h"

// X(name, Params, kernel)
#define PHYNEXUS_ELEMENTWISE_HANDLERS(X) \
  X(fused, FusedParams, elementwise)     \
  X(fused_wide, FusedParams, wide)       \
  X(transpose, TransposeParams, index)

namespace phynexus::gpu {

inline constexpr int transpose_side = 32;  // of a tile

// The input lies together along one axis, the output along another; `axes` are the others. A tile's number: the others,
// then along the input's axis, then along the output's; sizes has all.
struct TransposeParams {
  int64_t in_size = 0, out_size = 0;  // of the two axes, named after who lies together along them
  int64_t in_far = 0;                 // bytes that the input steps along the output's axis
  int64_t out_far = 0;                // and the output along the input's
  int32_t item_bytes = 0;
  int32_t axes = 0;
  int32_t large = 0;  // 1: the number of tiles does not fit 31 bits
  int32_t unused = 0;
  ChainOperand in, out;
  Divisor sizes[max_rank];
};

inline constexpr int fused_shared_bytes = 0, fused_wide_shared_bytes = 0,
                     transpose_shared_bytes = transpose_side * (transpose_side + 1) * 8;

}  // namespace phynexus::gpu
