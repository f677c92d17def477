// A plan made ready by an engine: every call is checked here, then executed by the engine.
#pragma once

#include <phynexus.h>

#include <cstdint>
#include <memory>

#include "../plan/plan.h"
#include "series.h"

namespace phynexus {

class Executable {
 public:
  explicit Executable(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
  virtual ~Executable() = default;

  void run(void* const* inputs, void* const* outputs);
  void run_steps(phx_steps& steps);
  void take_costs(phx_cost* costs, int32_t capacity);
  // The scratch of a run on so many threads of the host; 0: on as many as there are.
  virtual int64_t memory_bytes(int32_t threads) const = 0;

 protected:
  // Makes runs until the series has no next one. Several threads may be in it at once: each takes scratch of its
  // own (pool.h).
  virtual void execute(Series& series) = 0;
  // The cost of each instruction since the last call of this; for engines that measure it.
  virtual void read_costs(phx_cost* costs);

  const std::unique_ptr<const Plan> plan_;

 private:
  void check(void* const* inputs, void* const* outputs) const;
};

}  // namespace phynexus
