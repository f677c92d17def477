// The memory that a run of a program takes.
#pragma once

#include "memory/arena.h"
#include "steps/step.h"

namespace phynexus {

// The needs of a run on so many threads; `register_bytes`: the most that a fused step of the program asks for. A run
// lays its arena out by them, so that a question before the run gets the same answer.
ArenaNeeds footprint(const Region& whole, int64_t register_bytes, int threads);

}  // namespace phynexus
