// Launches kernels that g++ has compiled, or lets them fault.
#include "fake_modules.h"

#include <chrono>
#include <cstring>
#include <thread>

#include "gpu/device/arguments.h"

namespace phynexus::fake {

Turn take_turn(Device& device) {
  World& w = world();
  int64_t slow = 0;
  {
    std::lock_guard lock(w.mutex);
    slow = w.slow;
    if (device.error != cuda_success) return Turn::lost;
    if (w.kernel_fault.in && --w.kernel_fault.in == 0) {
      device.error = w.kernel_fault.code;
      return Turn::faults;
    }
  }
  if (slow) std::this_thread::sleep_for(std::chrono::microseconds(slow));
  return Turn::runs;
}

void FakeLaunch::run(Device& device) const {
  const Turn turn = take_turn(device);
  // What the first thread of a real kernel has done by the time that another one faults.
  if (turn == Turn::faults && argument.size() == sizeof(gpu::Arguments)) {
    gpu::Arguments a;
    std::memcpy(&a, argument.data(), sizeof a);
    if (a.progress) *a.progress = a.mark;
  }
  if (turn != Turn::runs) return;
  const std::string wrong =
      emulator::launch(*function->kernel, argument.data(), blocks, threads, shared_bytes);
  if (wrong.empty()) return;
  std::lock_guard lock(world().mutex);
  device.error = cuda_launch_failed;
  device.why = wrong;
}

CuResult make_launch(const CuKernelNode& node, FakeLaunch& out) {
  const FakeFunction* function = reinterpret_cast<const FakeFunction*>(node.function);
  const bool one = node.blocks_y == 1 && node.blocks_z == 1 && node.threads_y == 1 && node.threads_z == 1;
  if (!function || !one || node.blocks_x < 1 || node.blocks_x > 0x7fffffffu || node.threads_x < 1 ||
      node.threads_x > 1024 || int(node.shared_bytes) > function->shared_bytes || !node.arguments)
    return cuda_invalid_value;
  out.function = function;
  out.blocks = node.blocks_x;
  out.threads = int(node.threads_x);
  out.shared_bytes = int(node.shared_bytes);
  out.argument.assign(static_cast<const char*>(node.arguments[0]), function->kernel->argument_bytes);
  return cuda_success;
}

FakeExec in_order(const FakeGraph& graph, bool backwards) {
  const size_t count = graph.nodes.size();
  std::vector<FakeLaunch> launches;
  std::vector<bool> ran(count);
  for (size_t made = 0; made < count; made++)
    for (size_t j = 0; j < count; j++) {
      const size_t i = backwards ? count - 1 - j : j;
      bool ready = !ran[i];
      for (const size_t before : graph.nodes[i]->before) ready = ready && ran[before];
      if (!ready) continue;
      ran[i] = true;
      if (graph.nodes[i]->launch.function) launches.push_back(graph.nodes[i]->launch);
      break;
    }
  return {std::make_shared<const std::vector<FakeLaunch>>(std::move(launches))};
}

}  // namespace phynexus::fake
