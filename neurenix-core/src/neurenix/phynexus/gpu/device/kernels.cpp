// The entries of all kernels, by the names that Launch::kernel has. For nvcc and hipcc: compile it as their language.
#include "kernels.h"

namespace phynexus::gpu {

#define X(name) \
  KERNEL(phynexus_level_##name, Arguments) { run_level<kernel_##name>(arguments); }
PHYNEXUS_LEVEL_KERNELS(X)
#undef X

KERNEL(phynexus_task, Arguments) { run_task(arguments); }
KERNEL(phynexus_begin, Arguments) { begin_step(arguments); }
KERNEL(phynexus_end, Arguments) { end_step(arguments); }
KERNEL(phynexus_bind, BindArguments) { bind_pointers(arguments); }

}  // namespace phynexus::gpu
