// The handlers of this room: their list, their parameters and the shared memory that they use. For host and device.
#pragma once

#include "../record.h"

// X(name, Params, kernel)
#define PHYNEXUS_REDUCE_HANDLERS(X)

namespace phynexus::gpu {}  // namespace phynexus::gpu
