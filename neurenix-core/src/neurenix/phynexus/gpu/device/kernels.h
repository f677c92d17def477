// The bodies of the kernels; kernels.cpp has their entries.
#pragma once

#include "arguments.h"
#include "dispatch.h"
#include "task.h"

namespace phynexus::gpu {

// Whether a launch runs; marks that it does.
DEVICE bool begins(const Arguments& arguments) {
  if (arguments.state->stopped) return false;
  if (arguments.progress && block_index() == 0 && thread_index() == 0) *arguments.progress = arguments.mark;
  return true;
}

// The records of a launch, and where in all its tiles those of each end: `extra`.
template <int Kernel>
DEVICE void run_level(const Arguments& arguments) {
  if (!begins(arguments)) return;
  SHARED_MEMORY(memory);
  const Group group{thread_index(), block_threads(), memory, arguments.program};
  const Record* records = reinterpret_cast<const Record*>(arguments.program + arguments.records);
  const int64_t* ends = reinterpret_cast<const int64_t*>(arguments.program + arguments.extra);
  char* const* bases = arguments.bases + arguments.frame;
  const int64_t tiles = ends[arguments.record_count - 1];
  for (int64_t tile = block_index(); tile < tiles; tile += blocks()) {
    int low = 0, high = arguments.record_count - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (ends[middle] > tile) high = middle;
      else low = middle + 1;
    }
    run_tile<Kernel>(records[low], bases, low ? tile - ends[low - 1] : tile, group);
  }
}

// A map whose body is `records`; a Task is `extra`. A block runs an iteration, then that which lies a grid further.
DEVICE void run_task(const Arguments& arguments) {
  if (!begins(arguments)) return;
  SHARED_MEMORY(memory);
  const Task& task = *reinterpret_cast<const Task*>(arguments.program + arguments.extra);
  const TaskBase* places = reinterpret_cast<const TaskBase*>(&task + 1);
  const Record* records = reinterpret_cast<const Record*>(arguments.program + arguments.records);
  char* const* around = arguments.bases + arguments.frame;
  char** bases = reinterpret_cast<char**>(memory);
  const Group group{thread_index(), block_threads(), memory + task.memory_at, arguments.program};
  char* frame = task.frame_at >= 0
                    ? memory + task.frame_at
                    : around[task.frames_base] + task.frames + block_index() * task.frame_bytes;
  for (int64_t i = block_index(); i < task.iterations; i += blocks()) {
    for (int k = group.thread; k < task.base_count; k += group.threads) {
      const TaskBase& place = places[k];
      bases[k] = place.parent < 0 ? frame + place.offset
                                  : around[place.parent] + place.offset + i * place.stride;
    }
    group.barrier();
    for (int r = 0; r < arguments.record_count; r++) {
      const Record& record = records[r];
      for (int64_t tile = 0; tile < record.tiles; tile++) run_tile<task_kernels>(record, bases, tile, group);
      if (record.barrier) group.barrier();
    }
    group.barrier();  // the next iteration's bases take the place of these
  }
}

}  // namespace phynexus::gpu
