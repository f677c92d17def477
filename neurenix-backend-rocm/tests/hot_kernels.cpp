// The kernels in which large products spend their time, by themselves: compiled by test_amd_code.py, never run.
#include "gpu/device/kernels.h"

namespace phynexus::gpu {

#define X(name) \
  KERNEL(name, Arguments) { run_level<kernel_##name>(arguments); }
X(product_large)
X(product_medium)
X(product_small)
#undef X

}  // namespace phynexus::gpu
