// A compiled plan: prepared steps.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "engine.h"
#include "steps/timed_step.h"

namespace phynexus {

class Executable {
 public:
  Executable(std::shared_ptr<Engine> engine, const phx_plan& plan);
  ~Executable();
  void run(void* const* inputs, void* const* outputs);
  void run_steps(phx_steps& steps);
  // Of scratch, for a run on so many threads; 0: on those that there are.
  int64_t memory_bytes(int threads) const;
  // What each instruction has cost since it was last asked.
  void take_costs(phx_cost* costs, int32_t capacity);

 private:
  class Entry;  // of one thread, with an arena
  std::vector<Region> lower_regions(Costs* costs);
  const Region& whole_program();
  void check(void* const* inputs, void* const* outputs) const;
  const ArenaNeeds& needs();

  std::shared_ptr<Engine> engine_;
  Plan plan_;
  CodeMemory code_;
  std::vector<Region> regions_;
  // The same steps once more, each with a watch, made when they are first profiled: so that a run that is
  // not profiled pays nothing for it.
  std::vector<Region> timed_;
  std::unique_ptr<Costs> costs_;
  std::mutex profiled_;
  int64_t register_bytes_ = 0;
  // For the numbers of threads that it has run with; the last, and all of them.
  std::atomic<const ArenaNeeds*> needs_{nullptr};
  std::vector<std::unique_ptr<const ArenaNeeds>> known_needs_;
};

}  // namespace phynexus

struct phx_executable {
  phynexus::Executable executable;
};
