// Calls the handler of a record for one tile.
#pragma once

#include "contract/room.h"
#include "control/room.h"
#include "elementwise/room.h"
#include "handlers.h"
#include "index/room.h"
#include "linear_algebra/room.h"

namespace phynexus::gpu {

inline constexpr int task_kernels = -1;
template <int Kernel>
DEVICE constexpr bool runs_in(LevelKernel kernel) {
  return Kernel == task_kernels ? kernel <= last_task_kernel : Kernel == int(kernel);
}

// With the handlers of one kernel, or of all that a task runs.
template <int Kernel>
DEVICE void run_tile(const Record& record, char* const* bases, int64_t tile, const Group& group) {
  const char* params = group.program + record.params;
  switch (record.handler) {
#define X(name, Params, kernel)                                           \
  case handler_##name:                                                    \
    if constexpr (runs_in<Kernel>(kernel_##kernel)) {                     \
      name(*reinterpret_cast<const Params*>(params), bases, tile, group); \
      if constexpr (name##_shared_bytes > 0) group.barrier();             \
    }                                                                     \
    break;
    PHYNEXUS_HANDLERS(X)
#undef X
    default: break;
  }
}

}  // namespace phynexus::gpu
