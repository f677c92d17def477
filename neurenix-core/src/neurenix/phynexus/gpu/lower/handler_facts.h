// What the host knows of a handler: the kernel that has it, and the shared memory that it uses.
#pragma once

#include "../device/handlers.h"

namespace phynexus::gpu {

inline int kernel_of(int handler) {
  static constexpr int kernels[] = {
#define X(name, Params, kernel) int(kernel_##kernel),
      PHYNEXUS_HANDLERS(X)
#undef X
  };
  return kernels[handler];
}

inline int32_t shared_bytes_of(int handler) {
  static constexpr int32_t bytes[] = {
#define X(name, Params, kernel) int32_t(name##_shared_bytes),
      PHYNEXUS_HANDLERS(X)
#undef X
  };
  return bytes[handler];
}

inline const char* name_of_kernel(int kernel) {
  static constexpr const char* names[] = {
#define X(name) "phynexus_level_" #name,
      PHYNEXUS_LEVEL_KERNELS(X)
#undef X
  };
  return names[kernel];
}

}  // namespace phynexus::gpu
