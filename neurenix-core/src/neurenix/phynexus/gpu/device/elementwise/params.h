// The handlers of this room: their list, their parameters and the shared memory that they use. For host and device.
#pragma once

#include "code.h"

// X(name, Params, kernel)
#define PHYNEXUS_ELEMENTWISE_HANDLERS(X) \
  X(fused, FusedParams, elementwise)     \
  X(fused_wide, FusedParams, wide)

namespace phynexus::gpu {

inline constexpr int fused_shared_bytes = 0, fused_wide_shared_bytes = 0;

}  // namespace phynexus::gpu
