// What the host knows of a handler: the kernels that have it, and the shared memory that it uses.
#pragma once

#include <string_view>

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

// The kernel that runs a task whose handlers' kernels go up to this one.
inline const char* task_kernel_with(int last) {
#define X(name, end) \
  if (last <= int(kernel_##end)) return #name;
  PHYNEXUS_TASK_KERNELS(X)
#undef X
  return nullptr;  // nothing lowers such a record within a task
}
inline bool is_task_kernel(std::string_view kernel) {
  bool is_one = false;
#define X(name, end) is_one = is_one || kernel == #name;
  PHYNEXUS_TASK_KERNELS(X)
#undef X
  return is_one;
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
