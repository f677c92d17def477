// The steps of a plan, and the same steps once more, each with a watch, for runs that are profiled.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "step.h"
#include "timed_step.h"

namespace phynexus {

class PreparedSteps {
 public:
  // Lowers all regions; with watches where the costs are not null.
  using Lower = std::function<std::vector<Region>(Costs*)>;

  PreparedSteps(size_t instructions, Lower lower)
      : instructions_(instructions), lower_(std::move(lower)), regions_(lower_(nullptr)) {}

  const Region& whole_program() const { return regions_.back(); }
  // With watches, which are made when they are first asked for: a run that is not profiled pays nothing for it.
  const Region& timed_program() {
    std::lock_guard lock(mutex_);
    if (timed_.empty()) {
      costs_ = std::make_unique<Costs>(instructions_);
      timed_ = lower_(costs_.get());
    }
    return timed_.back();
  }
  // The cost of each instruction since the last call of this.
  void take_costs(phx_cost* costs) {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < instructions_; i++) costs[i] = costs_ ? costs_->take(i) : phx_cost{0, 0};
  }

 private:
  size_t instructions_;
  Lower lower_;
  std::vector<Region> regions_, timed_;
  std::unique_ptr<Costs> costs_;
  std::mutex mutex_;
};

}  // namespace phynexus
