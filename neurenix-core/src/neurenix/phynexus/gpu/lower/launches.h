// A plan made ready for a device, without a device: its program as bytes, and the launches that run it, in order.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../../engine/plan/plan.h"
#include "../device/arguments.h"

namespace phynexus::gpu {

// One launch of a kernel. `level`: launches of one level do not depend on each other; each level waits for those
// before it.
struct Launch {
  const char* kernel = nullptr;  // its name in the device's code
  int64_t blocks = 1;
  int32_t threads = 0;
  int32_t shared_bytes = 0;
  int32_t level = 0;
  Arguments arguments;                // by value; program, bases, state and bound are the runtime's to set
  std::vector<int32_t> instructions;  // of the plan, that it runs: for messages and profiles
};

// Launches [first, first + count), all of them so many times, one after the other: a long loop's body is one of these.
struct Segment {
  int64_t first = 0, count = 0;
  int64_t repeats = 1;
};

// One step is its segments in order. The first launch is phynexus_begin, which lays out the whole program's frame from
// `bound` and the step's number, the last one is phynexus_end, which looks at ok and counts the step: so that n steps are n
// times the same graph, after one phynexus_bind (BindArguments).
struct Lowered {
  std::vector<char> program;     // records, parameters, the plan's constants excluded: copied to the device once
  std::vector<Launch> launches;
  std::vector<Segment> segments;
  int64_t scratch_bytes = 0;     // of one run: what bases[base_scratch] of the whole program points to
  int64_t pointer_count = 0;     // of the table of all frames' bases; the whole program's come first
  int64_t bound_count = 0;       // of those: base_first_input + inputs + outputs; see engine/run/frame.h
};

// What lowering needs to know of a device.
struct DeviceFacts {
  int32_t threads = 256;              // of a block
  int32_t lanes = 32;
  int32_t multiprocessors = 1;
  int32_t shared_bytes = 48 << 10;    // the most that a block may have
  int64_t most_blocks = 1 << 20;      // of a launch; a block then runs several tiles
};

// aliases[output] = the input whose buffer it shares, or -1: of every run. Without it any output may lie where any
// input does, and levels are more.
Lowered lower_plan(const Plan& plan, const DeviceFacts& facts, const std::vector<int32_t>* aliases = nullptr);

}  // namespace phynexus::gpu
