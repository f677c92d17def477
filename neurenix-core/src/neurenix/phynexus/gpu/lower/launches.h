// A plan made ready for a device, without a device: its program as bytes, and the launches that run it, in order.
#pragma once

#include <cstdint>
#include <vector>

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
  Arguments arguments;                 // by value; the pointers in it are the runtime's to set
  std::vector<int32_t> instructions;  // of the plan, that it runs: for messages and profiles
};

struct Lowered {
  std::vector<char> program;      // records, parameters, constants: copied to the device once
  std::vector<Launch> launches;
  int64_t scratch_bytes = 0;      // of one run: what bases[base_scratch] of the whole program points to
  int64_t pointer_count = 0;      // of the table of all frames' bases; the whole program's come first
  int32_t inputs = 0, outputs = 0;
};

}  // namespace phynexus::gpu
