// The kernel of what tasks rarely have, which takes nvcc most of the time: compiled by test_machine_code.py, never run.
#include "gpu/device/kernels.h"

namespace phynexus::gpu {

KERNEL(phynexus_task_any, Arguments) { run_task<kernel_linear_algebra>(arguments); }

}  // namespace phynexus::gpu
