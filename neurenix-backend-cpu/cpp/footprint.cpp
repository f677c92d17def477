// Adds up what the steps of a program ask for: scratch and workspace once, registers and map iterations by thread.
#include "footprint.h"

#include "engine/failure.h"

namespace phynexus {

ArenaNeeds footprint(const Region& whole, int64_t register_bytes, int threads) {
  ArenaNeeds needs;
  needs.threads = threads;
  needs.scratch = round_up(whole.scratch_bytes);
  needs.workspace = round_up(whole.workspace_bytes(threads));
  needs.registers = round_up(register_bytes);
  // With one thread a map's iterations live in the workspace.
  needs.own = threads > 1 ? round_up(whole.worker_bytes(threads)) : 0;
  needs.bytes = plus(plus(needs.scratch, needs.workspace), times(plus(needs.registers, needs.own), threads));
  return needs;
}

}  // namespace phynexus
