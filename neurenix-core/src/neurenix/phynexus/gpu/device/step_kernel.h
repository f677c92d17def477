// The kernel between two steps: see StepArguments.
#pragma once

#include "arguments.h"
#include "platform.h"

namespace phynexus::gpu {

// One block.
KERNEL(phynexus_step, StepArguments) {
  const StepArguments& a = arguments;
  if (thread_index() == 0 && a.kind != StepArguments::more_pointers) {
    RunState now = *a.state;
    if (a.kind == StepArguments::first_of_call) now = RunState{};
    else if (!now.stopped) {
      now.steps++;
      now.stopped = a.ok >= 0 && !*reinterpret_cast<const uint8_t*>(a.bases[a.ok]);
    }
    *a.state = now;
    *a.seen = now;
  }
  block_barrier();  // the pointer to ok has been read
  for (int k = thread_index(); k < a.count; k += block_threads()) a.bases[a.first + k] = a.pointers[k];
}

}  // namespace phynexus::gpu
