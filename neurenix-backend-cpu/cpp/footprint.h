// The memory that a run of a program takes.
#pragma once

#include "memory/arena.h"
#include "steps/step.h"

namespace phynexus {

// What a run on so many threads asks of an arena; `register_bytes`: the most that a fused step of the program asks
// for. A run lays its arena out by this, and whoever asks before a run is told the same.
ArenaNeeds footprint(const Region& whole, int64_t register_bytes, int threads);

}  // namespace phynexus
