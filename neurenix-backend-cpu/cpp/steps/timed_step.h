// A step with a watch: what nx.profile reads.
#pragma once

#include <atomic>
#include <chrono>
#include <utility>

#include "step.h"

namespace phynexus {

// A line of cache each: threads that run different instructions do not meet.
struct alignas(64) Cost {
  std::atomic<int64_t> count{0}, nanoseconds{0};
};

class TimedStep final : public Step {
 public:
  TimedStep(StepPointer step, Cost& cost) : step_(std::move(step)), cost_(cost) {}

  void run(const Frame& frame) const override {
    // What the steps inside this one take on this thread is theirs, not this one's: so the costs of all
    // instructions add up to no more than the threads' time.
    thread_local int64_t inside = 0;
    const int64_t before = std::exchange(inside, 0);
    const auto start = std::chrono::steady_clock::now();
    step_->run(frame);
    const auto passed = std::chrono::steady_clock::now() - start;
    const int64_t all = std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count();
    cost_.count.fetch_add(1, std::memory_order_relaxed);
    cost_.nanoseconds.fetch_add(all - inside, std::memory_order_relaxed);
    inside = before + all;
  }
  int64_t workspace_bytes(int threads) const override { return step_->workspace_bytes(threads); }
  int64_t worker_bytes() const override { return step_->worker_bytes(); }

 private:
  StepPointer step_;
  Cost& cost_;
};

}  // namespace phynexus
