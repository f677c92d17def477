// A step that measures its own time, for nx.profile.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "step.h"

namespace phynexus {

struct Cost {
  std::atomic<int64_t> count{0}, nanoseconds{0};
};

// The costs of a plan's instructions, in a few parts: threads that add to different parts do not wait for
// each other's lines of cache, which would take longer than many an instruction.
class Costs {
 public:
  explicit Costs(size_t instructions) : instructions_(instructions), all_(new Cost[parts * instructions]) {}

  Cost& of(size_t instruction) {
    static std::atomic<size_t> threads{0};
    thread_local const size_t part = threads.fetch_add(1, std::memory_order_relaxed) % parts;
    return all_[part * instructions_ + instruction];
  }
  phx_cost take(size_t instruction) {
    phx_cost sum{0, 0};
    for (size_t part = 0; part < parts; part++) {
      Cost& cost = all_[part * instructions_ + instruction];
      sum.count += cost.count.exchange(0, std::memory_order_relaxed);
      sum.nanoseconds += cost.nanoseconds.exchange(0, std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  static constexpr size_t parts = 16;
  size_t instructions_;
  std::unique_ptr<Cost[]> all_;
};

class TimedStep final : public Step {
 public:
  TimedStep(StepPointer step, Costs& costs, size_t instruction)
      : step_(std::move(step)), costs_(costs), instruction_(instruction) {}

  void run(const Frame& frame) const override {
    // The time of the steps inside this one, on this thread, is not counted as its own: so the costs of all
    // instructions add up to no more than the threads' time.
    thread_local int64_t inside = 0;
    const int64_t before = std::exchange(inside, 0);
    const auto start = std::chrono::steady_clock::now();
    step_->run(frame);
    const auto passed = std::chrono::steady_clock::now() - start;
    const int64_t all = std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count();
    Cost& cost = costs_.of(instruction_);
    cost.count.fetch_add(1, std::memory_order_relaxed);
    cost.nanoseconds.fetch_add(all - inside, std::memory_order_relaxed);
    inside = before + all;
  }
  int64_t workspace_bytes(int threads) const override { return step_->workspace_bytes(threads); }
  int64_t worker_bytes(int threads) const override { return step_->worker_bytes(threads); }

 private:
  StepPointer step_;
  Costs& costs_;
  size_t instruction_;
};

}  // namespace phynexus
