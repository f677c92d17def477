// The entries of all kernels, by the names that Launch::kernel has. For nvcc and hipcc: compile it as their language.
#include "kernels.h"
#include "step_kernel.h"

namespace phynexus::gpu {

#define X(name) \
  KERNEL(phynexus_level_##name, Arguments) { run_level<kernel_##name>(arguments); }
PHYNEXUS_LEVEL_KERNELS(X)
#undef X

#define X(name, last) \
  KERNEL(name, Arguments) { run_task<kernel_##last>(arguments); }
PHYNEXUS_TASK_KERNELS(X)
#undef X

}  // namespace phynexus::gpu
