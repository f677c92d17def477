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

template <auto Handler, class Params, int SharedBytes>
DEVICE void run_handler(const char* params, char* const* bases, int64_t tile, const Group& group) {
  Handler(*reinterpret_cast<const Params*>(params), bases, tile, group);
  if constexpr (SharedBytes > 0) group.barrier();
}
template <auto Handler, class Params, int SharedBytes>
DEVICE_CALL void call_handler(const char* params, char* const* bases, int64_t tile, const Group group) {
  run_handler<Handler, Params, SharedBytes>(params, bases, tile, group);
}

// With the handlers of one kernel, or of all that a task runs; inlined, or called.
template <int Kernel, bool Called = false>
DEVICE void run_tile(const Record& record, char* const* bases, int64_t tile, const Group& group) {
  const char* params = group.program + record.params;
  switch (record.handler) {
#define X(name, Params, kernel)                                                                          \
  case handler_##name:                                                                                   \
    if constexpr (runs_in<Kernel>(kernel_##kernel)) {                                                    \
      if constexpr (Called) call_handler<name, Params, name##_shared_bytes>(params, bases, tile, group); \
      else run_handler<name, Params, name##_shared_bytes>(params, bases, tile, group);                   \
    }                                                                                                    \
    break;
    PHYNEXUS_HANDLERS(X)
#undef X
    default: break;
  }
}

// A task's kernel has all of its handlers inlined, or makes one call, behind which the handler's is the last: AMD's
// compilers take minutes over a function that holds all handlers.
#if CALLS_HANDLERS
DEVICE_CALL void run_task_tile(const Record& record, char* const* bases, int64_t tile, const Group group) {
  run_tile<task_kernels, true>(record, bases, tile, group);
}
#else
DEVICE void run_task_tile(const Record& record, char* const* bases, int64_t tile, const Group& group) {
  run_tile<task_kernels>(record, bases, tile, group);
}
#endif

}  // namespace phynexus::gpu
