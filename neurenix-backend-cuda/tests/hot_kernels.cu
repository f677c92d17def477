// The device's kernels but phynexus_task_any, which task_any.cu has: compiled by test_machine_code.py, never run.
#include "gpu/device/kernels.h"

namespace phynexus::gpu {

#define X(name) \
  KERNEL(phynexus_level_##name, Arguments) { run_level<kernel_##name>(arguments); }
PHYNEXUS_LEVEL_KERNELS(X)
#undef X

KERNEL(phynexus_task, Arguments) { run_task<kernel_index>(arguments); }

}  // namespace phynexus::gpu
