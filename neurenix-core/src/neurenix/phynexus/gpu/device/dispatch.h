// Calls the handler of a record for one tile.
#pragma once

#include "contract/room.h"
#include "control/room.h"
#include "elementwise/room.h"
#include "handlers.h"
#include "index/room.h"
#include "linear_algebra/room.h"
#include "task.h"

namespace phynexus::gpu {

// With the handlers of one kernel.
template <int Kernel>
DEVICE void run_tile(const Record& record, char* const* bases, int64_t tile, const Group& group) {
  const char* params = group.program + record.params;
  switch (record.handler) {
#define X(name, Params, kernel)                                           \
  case handler_##name:                                                    \
    if constexpr (Kernel == int(kernel_##kernel)) {                       \
      name(*reinterpret_cast<const Params*>(params), bases, tile, group); \
      if constexpr (name##_shared_bytes > 0) group.barrier();             \
    }                                                                     \
    break;
    PHYNEXUS_HANDLERS(X)
#undef X
    default: break;
  }
}

// Handlers as functions that a task calls: its kernel then has the registers of the one that needs most, not of all.
// They find what they need in shared memory, since what a call hands over, or must keep for its caller, takes
// registers. On AMD's cards the call hands over where that begins: clang up to 19 gives a function that is not inlined
// the wrong place. Templates, so that code made at run time has none of them.
#if CALLS_HANDLERS
#define TASK_HANDLER DEVICE_CALL
#else
#define TASK_HANDLER DEVICE
#endif
#define X(name, Params, kernel)                                                    \
  template <LevelKernel = kernel_##kernel>                                         \
  TASK_HANDLER void call_##name(char* begin, const char* params, int tile) {       \
    SHARED_MEMORY_OF_CALLER(shared, begin);                                        \
    const TaskMemory& task = *reinterpret_cast<const TaskMemory*>(shared);         \
    char* const* bases = reinterpret_cast<char* const*>(&task + 1);                \
    const Group group{thread_index(), block_threads(), task.memory, task.program}; \
    name(*reinterpret_cast<const Params*>(params), bases, tile, group);            \
    if constexpr (name##_shared_bytes > 0) group.barrier();                        \
  }
PHYNEXUS_HANDLERS(X)
#undef X
#undef TASK_HANDLER

// With the handlers of the kernels up to Last; `shared`: where the block's shared memory begins.
template <LevelKernel Last>
DEVICE void run_task_tile(int handler, char* shared, const char* params, int tile) {
  switch (handler) {
#define X(name, Params, kernel)                                                 \
  case handler_##name:                                                          \
    if constexpr (kernel_##kernel <= Last) call_##name<>(shared, params, tile); \
    break;
    PHYNEXUS_HANDLERS(X)
#undef X
    default: break;
  }
}

}  // namespace phynexus::gpu
