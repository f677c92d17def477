// Counts calls and lets them fail; what tests say to the fake driver.
#include "fake_devices.h"

#include <cstdlib>
#include <iterator>

#include "fake_control.h"

namespace phynexus::fake {
namespace {

const char* const names[] = {
#define X(name, parameters) #name,
    PHYNEXUS_CUDA_FUNCTIONS(X)
#undef X
};

bool set(World& w, const std::string& name, int64_t value) {
  if (name == "devices" && value <= World::most_devices) w.devices = int(value);
  else if (name == "version") w.version = int(value);
  else if (name == "architecture") w.architecture = int(value);
  else if (name == "architecture1") w.all[1].architecture = int(value);
  else if (name == "multiprocessors") w.multiprocessors = int(value);
  else if (name == "shared") w.shared = int(value);
  else if (name == "memory") w.memory = value;
  else if (name == "gone") w.gone = value != 0;
  else if (name == "backwards") w.backwards = value != 0;
  else if (name == "stays") w.stays = value != 0;
  else if (name == "slow") w.slow = value;
  else if (name == "broken") w.all[0].error = CuResult(value);
  else return false;
  return true;
}

World* from_environment() {
  World* w = new World;
  const char* text = std::getenv("PHYNEXUS_FAKE_CUDA");
  std::string rest = text ? text : "";
  while (!rest.empty()) {
    const size_t end = rest.find(',');
    const std::string item = rest.substr(0, end);
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
    const size_t equals = item.find('='), first = item.find(':'), second = item.rfind(':');
    const std::string key = item.substr(0, equals);
    if (key == "fail" && first != second)
      w->faults[item.substr(equals + 1, first - equals - 1)] = {
          std::atoll(item.c_str() + first + 1), CuResult(std::atoi(item.c_str() + second + 1))};
    else if (equals == std::string::npos || !set(*w, key, std::atoll(item.c_str() + equals + 1)))
      std::abort();  // a test that says what nobody understands would test nothing
  }
  return w;
}

}  // namespace

World& world() {
  static World* const made = from_environment();
  return *made;
}

bool loses_device(CuResult code) {
  constexpr int out_of_resources = 701;  // CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES
  return code >= cuda_illegal_address && code <= cuda_launch_failed && code != out_of_resources;
}

CuResult begin(const char* function, bool context) {
  World& w = world();
  Device* device = current();
  std::lock_guard lock(w.mutex);
  w.calls[function]++;
  const auto fault = w.faults.find(function);
  if (fault != w.faults.end() && fault->second.in && --fault->second.in == 0) {
    fault->second.in = w.stays;
    if (device && loses_device(fault->second.code)) device->error = fault->second.code;
    return fault->second.code;
  }
  if (!context) return cuda_success;
  if (!device) return cuda_invalid_context;
  return device->error;
}

}  // namespace phynexus::fake

using namespace phynexus::fake;

extern "C" {

void phynexus_fake_reset() {
  World& w = world();
  std::lock_guard lock(w.mutex);
  w.devices = 1, w.version = 13000, w.architecture = 90, w.multiprocessors = 4, w.shared = 0;
  w.memory = int64_t(2) << 30;
  w.gone = w.backwards = w.stays = false;
  w.slow = 0;
  for (Device& device : w.all) device.architecture = 0;
  w.faults.clear();
  w.calls.clear();
  w.kernel_fault = {};
}

bool phynexus_fake_set(const char* what, int64_t value) {
  World& w = world();
  std::lock_guard lock(w.mutex);
  return set(w, what, value);
}

void phynexus_fake_fail(const char* function, int64_t nth, int code) {
  World& w = world();
  std::lock_guard lock(w.mutex);
  w.faults[function] = {nth, phynexus::cuda::CuResult(code)};
}

void phynexus_fake_fault(int64_t nth, int code) {
  World& w = world();
  std::lock_guard lock(w.mutex);
  w.kernel_fault = {nth, phynexus::cuda::CuResult(code)};
}

int64_t phynexus_fake_calls(const char* function) {
  World& w = world();
  std::lock_guard lock(w.mutex);
  return w.calls[function];
}

const char* phynexus_fake_function(int index) {
  return index >= 0 && index < int(std::size(names)) ? names[index] : nullptr;
}

int phynexus_fake_begin(const char* function) { return begin(function, current() != nullptr); }

int64_t phynexus_fake_used(int device) {
  World& w = world();
  std::lock_guard lock(w.mutex);
  return w.all[device].used;
}
}
