// The runs of one call, on one list of base pointers: run() makes one, run_steps() moves the pointers on and makes
// the next.
#pragma once

#include <phynexus.h>

#include <chrono>
#include <vector>

#include "../plan/plan.h"

namespace phynexus {

class Series {
 public:
  Series(const Plan& plan, void* const* inputs, void* const* outputs);  // of one run
  Series(const Plan& plan, phx_steps& steps);                           // of those that are not done yet
  Series(const Series&) = delete;
  Series& operator=(const Series&) = delete;

  // As Frame::bases. Those of scratch and constants are the engine's to set, once.
  char** bases() { return bases_; }
  // Whether the last run left a true ok, or none is asked for; for memory that the host sees, after the run has ended.
  bool left_ok() const { return !ok_ || *bases_[ok_]; }
  // For engines whose runs go on after they were asked for: the base of ok, or 0 where none is asked for; whether runs
  // may follow; the number of those made, which settle() sets once it is known.
  int32_t ok_base() const { return ok_; }
  bool several() const { return steps_; }
  int64_t done() const { return steps_ ? steps_->done : 0; }
  void settle(int64_t done, bool stopped) { steps_->done = done, steps_->stopped = stopped; }
  // Counts the run that was just made. True: the pointers have moved on, and another run follows.
  bool next(bool ok);

 private:
  using Clock = std::chrono::steady_clock;
  void move(int64_t by);

  int32_t inputs_, outputs_;
  phx_steps* steps_ = nullptr;
  int32_t ok_ = 0;  // into bases; 0: none is asked for
  Clock::time_point end_;
  std::vector<char*> many_;
  char* few_[256];
  char** bases_ = few_;
};

}  // namespace phynexus
