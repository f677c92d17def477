// Lowers a plan to the CPU's steps, and runs them in an arena.
#include "executable.h"

#include <mutex>

#include "engine/failure.h"
#include "engine/run/pool.h"
#include "footprint.h"

namespace phynexus {

CpuExecutable::CpuExecutable(CpuEngine& engine, std::unique_ptr<const Plan> plan)
    : Executable(std::move(plan)),
      engine_(engine),
      steps_(plan_->instructions.size(), [this](Costs* costs) { return lower_all(costs); }) {}

CpuExecutable::~CpuExecutable() {
  // Frees the idle arenas that are too large to keep, if this executable has needed such ones.
  constexpr int64_t most = ArenaPool::most_idle_bytes;
  for (const auto& needs : known_needs_)
    if (needs->bytes > most) engine_.arenas.let_go(most);
}

std::vector<Region> CpuExecutable::lower_all(Costs* costs) {
  std::vector<Region> regions;
  const InstructionSet& instructions = engine_.instructions;
  Lowering lowering{{*plan_, regions}, *instructions.runtime, *instructions.contract};
  if (instructions.written && CodeMemory::usable()) {
    lowering.code = &code_;
    lowering.extension = *instructions.written;
  }
  lower_regions(lowering, costs,
                [&](const phx_instruction& instruction) { return lower(lowering, instruction); });
  if (!costs) register_bytes_ = lowering.register_bytes;  // the same the second time
  if (!code_.seal())
    throw Failure(PHX_DEVICE_ERROR,
                  "the system does not let written code be executed; NEURENIX_CPU_CODE=0 does without it");
  return regions;
}

const ArenaNeeds& CpuExecutable::needs() {
  const int threads = engine_.pool.threads();
  const ArenaNeeds* last = needs_.load(std::memory_order_acquire);
  if (last && last->threads == threads) return *last;
  auto made = std::make_unique<ArenaNeeds>(footprint(steps_.whole_program(), register_bytes_, threads));
  std::lock_guard lock(engine_lock());
  for (const auto& known : known_needs_)
    if (*known == *made) return needs_.store(known.get(), std::memory_order_release), *known;
  needs_.store(made.get(), std::memory_order_release);
  return *known_needs_.emplace_back(std::move(made));
}

int64_t CpuExecutable::memory_bytes(int32_t threads) const {
  return footprint(steps_.whole_program(), register_bytes_, threads ? threads : engine_.pool.threads()).bytes;
}

void CpuExecutable::execute(Series& series) {
  const bool profiled = engine_.profiling.load(std::memory_order_relaxed);
  const Region& whole = profiled ? steps_.timed_program() : steps_.whole_program();
  const Lease<ArenaPool> arena(engine_.arenas, needs());
  char** bases = series.bases();
  bases[base_scratch] = arena->scratch;
  bases[base_constants] = plan_->constants;
  Context threads{arena->workers[0].get(), arena->threads > 1 ? &*arena : nullptr};
  const Frame frame{bases, arena->workspace, &threads};
  do {
    whole.run(frame);
  } while (series.next(series.left_ok()));
}

}  // namespace phynexus
