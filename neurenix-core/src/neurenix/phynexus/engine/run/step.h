// Steps, which are prepared instructions, and regions, which are lists of them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "frame.h"

namespace phynexus {

struct Step {
  virtual ~Step() = default;
  virtual void run(const Frame& frame) const = 0;
  // The bytes of frame.workspace that the step needs on so many threads (1: also within a map of the CPU's).
  virtual int64_t workspace_bytes(int) const { return 0; }
  // The bytes that the step needs in the own memory of each of so many threads, where an engine has such threads.
  virtual int64_t worker_bytes(int) const { return 0; }
};
using StepPointer = std::unique_ptr<Step>;

struct Region {
  std::vector<StepPointer> steps;
  int32_t inputs = 0, outputs = 0;
  int64_t scratch_bytes = 0;
  void run(const Frame& frame) const {
    for (const StepPointer& step : steps) step->run(frame);
  }
  int64_t workspace_bytes(int threads) const;
  int64_t worker_bytes(int threads) const;
};

}  // namespace phynexus
