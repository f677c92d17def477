// A plan made ready for a device, without a device: its program as bytes, and the launches that run it, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "../../engine/plan/plan.h"
#include "../device/arguments.h"
#include "library_product.h"

namespace phynexus::gpu {

// One launch of a kernel. `level`: launches of one level do not depend on each other; each level waits for those
// before it.
struct Launch {
  const char* kernel = nullptr;  // its name in the device's code
  int64_t blocks = 1;
  int32_t threads = 0;
  int32_t shared_bytes = 0;
  int32_t level = 0;
  Arguments arguments;  // by value; program, bases, state, progress and mark are the runtime's to set
  std::vector<int32_t> instructions;  // of the plan, that it runs: for messages and profiles
  // Behind the kernel, which then does nothing but mark that it is here: a segment of its own.
  std::optional<LibraryProduct> product;
};

// Launches [first, first + count). Where a loop ends: all from the segment `back` before this one on, `repeats` times.
struct Segment {
  int64_t first = 0, count = 0;
  int64_t back = 0, repeats = 1;
};

struct Lowered {
  std::vector<char> program;  // records, parameters, constants: copied to the device once
  std::vector<Launch> launches;
  std::vector<Segment> segments;  // of all launches, in order
  int64_t constants =
      0;  // where the plan's constants lie in the program: bases[base_constants] of every frame
  int64_t scratch_bytes = 0;  // of one run: what bases[base_scratch] of the whole program points to
  // Of the table of all frames' bases: the whole program's come first, set by the runtime; the others by kernels.
  int64_t pointer_count = 0;
  int32_t inputs = 0, outputs = 0;
  bool has_library_products = false;
};

// f(k) for the number of each segment, as often as it runs, in order.
template <class F>
void each_run(const std::vector<Segment>& segments, const F& f) {
  std::vector<int64_t> turns(segments.size(), 0);
  for (size_t k = 0; k < segments.size();) {
    f(k);
    if (++turns[k] < segments[k].repeats) {
      k -= size_t(segments[k].back);
      continue;
    }
    turns[k++] = 0;
  }
}

// What a device is to whom a plan is lowered.
struct Target {
  int32_t multiprocessors = 1;
  int32_t shared_bytes = 48 << 10;  // that one block may have at most
  int32_t threads = 256;            // of a block
  int32_t lanes = 32;
  int64_t most_blocks = 1 << 20;  // of a launch; beyond that a block runs several tiles
  bool tensor_cores = false;      // that take TF32, bfloat16 and float16
  int32_t precision = 0;          // a phx_precision: how float32 factors of large products are rounded
  // Multiply-adds from which on a product of tensor cores is the vendor's library's; 0: there is none.
  int64_t least_of_library = 0;
  // Whether it rounds factors of float32 by itself; else they are given to it as bfloat16, by that precision.
  bool library_rounds = true;
  int64_t most_counted = int64_t(1) << 31;  // numbers below it go in 32 bits; less in tests
  int64_t most_unrolled = 4096;             // steps of a scan; a longer one becomes a loop
};

// The plan has been checked, and has no opcode or dtype that the engine does not declare. Throws Failure.
// aliases[output] = the input whose buffer it shares in every run, or -1. Without it any output may lie where any input
// does, and levels are more.
Lowered lower_plan(const Plan& plan, const Target& target, const std::vector<int32_t>* aliases = nullptr);

}  // namespace phynexus::gpu
