// What a GPU's tasks cost, as phx_capabilities has it: counted, not measured, in multiply-adds of one thread.
#pragma once

#include <phynexus.h>

#include "launches.h"

namespace phynexus::gpu {

// A thread of a task takes about 3.5 ns for a multiply-add, with the loads that it needs, from shared memory. A level of
// a task takes 1 us: a barrier, and its records and their parameters. A launch within a graph takes 3.5 us from the end
// of one to the end of the next, when it is small.
inline void describe_tasks(const Target& target, int64_t memory_bytes, phx_capabilities& out) {
  out.task_lanes = target.threads;
  out.task_groups = target.multiprocessors;
  out.task_barrier = 300.0;
  out.task_dispatch = 1000.0;
  out.task_most_work = 1 << 22;
  out.task_most_elements = 1 << 16;
  out.expanded_bytes = memory_bytes / 4;
}

}  // namespace phynexus::gpu
