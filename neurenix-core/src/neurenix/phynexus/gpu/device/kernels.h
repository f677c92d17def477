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

// Whether this block is the last of a launch to come here. `ended`: how many have; 0 again for the next run.
DEVICE bool is_last_block(int* ended, const Group& group) {
  int* const is_last = reinterpret_cast<int*>(group.memory);
  end_writes();
  group.barrier();
  if (group.thread == 0) {
    *is_last = count_up(ended) == blocks() - 1;
    if (*is_last) *ended = 0;
  }
  group.barrier();
  return *is_last;
}

// The records of a launch, and where in all its tiles those of each end: `extra`. `run(record, bases, tile, group)`
// runs a tile of the record of that number; code that is made at run time has another one than run_level. With a tail,
// there are the records of the small levels behind it, too, which the last block runs one after the other, and saves
// the launches that they would be; behind the ends lies the count for is_last_block.
template <bool has_tail, class Run>
DEVICE void run_level_with(const Arguments& arguments, const Run& run) {
  if (!begins(arguments)) return;
  SHARED_MEMORY(memory);
  const Group group{thread_index(), block_threads(), memory, arguments.program};
  const int64_t* ends = reinterpret_cast<const int64_t*>(arguments.program + arguments.extra);
  char* const* bases = arguments.bases + arguments.frame;
  const int records = arguments.record_count + (has_tail ? arguments.tail_count : 0);
  const int64_t before_tail = ends[arguments.record_count - 1], all = ends[records - 1];
  int64_t end = before_tail, step = blocks();
  for (int64_t tile = block_index();; tile += step) {
    if (tile >= end) {
      if (!has_tail || end == all) return;
      if (!is_last_block(reinterpret_cast<int*>(const_cast<int64_t*>(ends + records)), group)) return;
      tile = before_tail, end = all, step = 1;
    }
    int low = 0, high = records - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (ends[middle] > tile) high = middle;
      else low = middle + 1;
    }
    const int64_t of_record = low ? tile - ends[low - 1] : tile;
    if (has_tail && low > arguments.record_count && of_record == 0) {
      const Record* all_records = reinterpret_cast<const Record*>(arguments.program + arguments.records);
      if (all_records[low - 1].barrier) group.barrier();
    }
    run(low, bases, of_record, group);
  }
}

// The records as they lie in the program. Structs, not lambdas, which a compiler may call instead of inlining them.
template <int Kernel>
struct LevelRecords {
  const Record* records;
  DEVICE void operator()(int record, char* const* bases, int64_t tile, const Group& group) const {
    run_tile<Kernel>(records[record], bases, tile, group);
  }
};

template <int Kernel>
DEVICE void run_level(const Arguments& arguments) {
  constexpr bool has_tail = Kernel == kernel_elementwise || Kernel == kernel_wide;
  const Record* records = reinterpret_cast<const Record*>(arguments.program + arguments.records);
  run_level_with<has_tail>(arguments, LevelRecords<Kernel>{records});
}

// A map whose body is `run(bases, group)`; a Task is `extra`. A block runs an iteration, then that which lies a grid
// further.
template <class Run>
DEVICE void run_task_with(const Arguments& arguments, const Run& run) {
  if (!begins(arguments)) return;
  SHARED_MEMORY(memory);
  const Task& task = *reinterpret_cast<const Task*>(arguments.program + arguments.extra);
  const TaskBase* places = reinterpret_cast<const TaskBase*>(&task + 1);
  char* const* around = arguments.bases + arguments.frame;
  TaskMemory& shared = *reinterpret_cast<TaskMemory*>(memory);
  char** bases = reinterpret_cast<char**>(&shared + 1);
  const Group group{thread_index(), block_threads(), memory + task.memory_at, arguments.program};
  char* frame = task.frame_at >= 0
                    ? memory + task.frame_at
                    : around[task.frames_base] + task.frames + block_index() * task.frame_bytes;
  if (group.thread == 0) shared = {group.program, group.memory};
  ONE_BY_ONE
  for (int64_t i = block_index(); i < task.iterations; i += blocks()) {
    ONE_BY_ONE
    for (int k = group.thread; k < task.base_count; k += group.threads) {
      const TaskBase& place = places[k];
      bases[k] =
          place.parent < 0 ? frame + place.offset : around[place.parent] + place.offset + i * place.stride;
    }
    group.barrier();
    run(bases, group);
    group.barrier();  // the next iteration's bases take the place of these
  }
}

// Whether a loop with this counter has another iteration; asked by all threads behind its last record.
DEVICE bool loops_again(int32_t counter, char* const* bases, const Group& group) {
  const bool again = bases[counter] != nullptr;
  group.barrier();
  return again;
}

// While a record runs, some threads bring the parameters of the next one near, and the record after that: a task is a
// chain of small records, which would wait for memory at each.
DEVICE void prefetch_records(const Record* records, int next, int count, const Group& group) {
  if (next < count && group.thread < 4) prefetch(group.program + records[next].params + 128 * group.thread);
  if (next + 1 < count && group.thread == 4) prefetch(records + next + 1);
}

template <LevelKernel Last>
struct TaskRecords {
  const Record* records;
  int count;
  DEVICE void operator()(char* const* bases, const Group& group) const {
    SHARED_MEMORY_FOR_CALLS(shared,
                            const_cast<char*>(reinterpret_cast<const char*>(bases)) - sizeof(TaskMemory));
    ONE_BY_ONE
    for (int r = 0; r < count; r++) {
      const Record& record = records[r];
      prefetch_records(records, r + 1, count, group);
      ONE_BY_ONE
      for (int tile = 0; tile < int(record.tiles); tile++)
        run_task_tile<Last>(record.handler, shared, group.program + record.params, tile);
      if (record.barrier) group.barrier();
      if (!record.loop) continue;
      const Record& first = records[r - record.loop];
      const auto& loop = *reinterpret_cast<const AdvanceLoopParams*>(group.program + first.params);
      if (loops_again(loop.counter, bases, group)) r -= record.loop + 1;
    }
  }
};

template <LevelKernel Last>
DEVICE void run_task(const Arguments& arguments) {
  const Record* records = reinterpret_cast<const Record*>(arguments.program + arguments.records);
  run_task_with(arguments, TaskRecords<Last>{records, arguments.record_count});
}

}  // namespace phynexus::gpu
