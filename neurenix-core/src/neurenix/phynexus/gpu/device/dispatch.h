// Calls the handler of a record for one tile.
#pragma once

#include "contract/room.h"
#include "control/room.h"
#include "elementwise/room.h"
#include "handlers.h"
#include "index/room.h"
#include "linear_algebra/room.h"
#include "reduce/room.h"

namespace phynexus::gpu {

inline constexpr int every_kernel = -1;

// With the handlers of one kernel, or of all.
template <int Kernel>
DEVICE void run_tile(const Record& record, char* const* bases, int64_t tile, const Group& group) {
  const char* params = group.program + record.params;
  switch (record.handler) {
#define X(name, Params, kernel)                                                   \
  case handler_##name:                                                            \
    if constexpr (Kernel == every_kernel || Kernel == int(kernel_##kernel)) {     \
      name(*reinterpret_cast<const Params*>(params), bases, tile, group);         \
      if constexpr (name##_shared_bytes > 0) group.barrier();                     \
    }                                                                             \
    break;
    PHYNEXUS_HANDLERS(X)
#undef X
    default: break;
  }
}

}  // namespace phynexus::gpu
