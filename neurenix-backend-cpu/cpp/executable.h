// A plan made ready for a CPU: its steps, the code written for them, and the memory that a run of it takes.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "engine.h"
#include "engine/run/prepared_steps.h"
#include "steps/step.h"

namespace phynexus {

class CpuExecutable final : public Executable {
 public:
  CpuExecutable(CpuEngine& engine, std::unique_ptr<const Plan> plan);
  ~CpuExecutable() override;
  int64_t memory_bytes(int32_t threads) const override;

 private:
  void execute(Series& series) override;
  void read_costs(phx_cost* costs) override { steps_.take_costs(costs); }
  std::vector<Region> lower_all(Costs* costs);
  const ArenaNeeds& needs();

  CpuEngine& engine_;
  CodeMemory code_;
  int64_t register_bytes_ = 0;
  PreparedSteps steps_;
  // For the numbers of threads that it has run with; the last, and all of them.
  std::atomic<const ArenaNeeds*> needs_{nullptr};
  std::vector<std::unique_ptr<const ArenaNeeds>> known_needs_;
};

}  // namespace phynexus
