// The kernels that are linked with the emulator, found by name.
#include <cstring>

#include "../device/arguments.h"
#include "../device/handlers.h"
#include "launch.h"

// To their callers, arguments that are passed by reference are a pointer.
extern "C" {
#define X(name) void phynexus_level_##name(const void*);
PHYNEXUS_LEVEL_KERNELS(X)
#undef X
#define X(name, last) void name(const void*);
PHYNEXUS_TASK_KERNELS(X)
#undef X
void phynexus_step(const void*);
}

namespace phynexus::emulator {

const Kernel* find_kernel(const char* name) {
  static const Kernel kernels[] = {
#define X(name) {"phynexus_level_" #name, phynexus_level_##name, sizeof(gpu::Arguments)},
      PHYNEXUS_LEVEL_KERNELS(X)
#undef X
#define X(name, last) {#name, name, sizeof(gpu::Arguments)},
          PHYNEXUS_TASK_KERNELS(X)
#undef X
              {"phynexus_step", phynexus_step, sizeof(gpu::StepArguments)},
  };
  for (const Kernel& kernel : kernels)
    if (std::strcmp(kernel.name, name) == 0) return &kernel;
  return nullptr;
}

}  // namespace phynexus::emulator
