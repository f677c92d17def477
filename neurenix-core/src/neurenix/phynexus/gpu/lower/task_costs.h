// What a GPU's tasks cost, as phx_capabilities has it: counted, not measured, in multiply-adds of one thread.
#pragma once

#include <phynexus.h>

#include "launches.h"

namespace phynexus::gpu {

// Of a block: the multiprocessors that have so many have room for two small networks' tasks.
constexpr int32_t most_shared_of_two = 200 << 10;

// From benchmarks/gpu_model.py, for a card of 132 multiprocessors: a thread of a task takes about 4.5 ns for a
// multiply-add, with the loads that it needs, from shared memory. A level of a task takes 0.6 us, a launch within a
// graph 2.3 us from the end of one to the end of the next, when it is small. Core counts operations that are not fused
// yet, of which about four share a level of a task, and three a launch.
//
// Two tasks share a multiprocessor, each waiting while the other works, where their frames do: a small network's takes
// some 100 KB.
inline void describe_tasks(const Target& target, int64_t memory_bytes, phx_capabilities& out) {
  out.task_lanes = target.threads;
  out.task_groups = target.multiprocessors * (target.shared_bytes >= most_shared_of_two ? 2 : 1);
  out.task_barrier = 30.0;
  out.task_dispatch = 170.0;
  out.task_most_work = 1 << 22;
  out.task_most_elements = 1 << 16;
  out.expanded_bytes = memory_bytes / 4;
}

}  // namespace phynexus::gpu
