// Which kernels do what a placed chain says.
#pragma once

#include "step.h"

namespace phynexus::fused {

// Each throws Failure where there is no kernel for the dtype.
Call call_of(const RuntimeKernels& kernels, const PlacedOperation& placed);
Reduction with_kernels(const RuntimeKernels& kernels, PlacedReduction placed);

}  // namespace phynexus::fused
