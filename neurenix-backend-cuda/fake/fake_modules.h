// Modules, functions and graphs of the fake driver: kernels that g++ has compiled.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fake_devices.h"
#include "gpu/emulator/launch.h"

namespace phynexus::fake {

struct FakeFunction {
  const emulator::Kernel* kernel = nullptr;
  int shared_bytes = 48 << 10;  // that a block may have
};

struct FakeModule {
  void* library = nullptr;  // of an image that names one; null: the kernels that are linked with this
  std::vector<std::unique_ptr<FakeFunction>> functions;
};

// What becomes of a kernel whose turn it is: tests may want it to wait first, or to fault.
enum class Turn { runs, lost, faults };
Turn take_turn(Device& device);

struct FakeLaunch {
  const FakeFunction* function = nullptr;
  int64_t blocks = 1;
  int threads = 1, shared_bytes = 0;
  std::string argument;  // its bytes

  // On the device, from a stream's thread.
  void run(Device& device) const;
};

// Checks the numbers as the driver would, and copies the argument.
CuResult make_launch(const CuKernelNode& node, FakeLaunch& out);

struct FakeNode {
  FakeLaunch launch;  // without a function: an empty node
  std::vector<size_t> before;
};
struct FakeGraph {
  std::vector<std::unique_ptr<FakeNode>> nodes;
};
struct FakeExec {
  // In an order that the edges allow; shared with streams that run them.
  std::shared_ptr<const std::vector<FakeLaunch>> launches;
};
FakeExec in_order(const FakeGraph& graph, bool backwards);

}  // namespace phynexus::fake
