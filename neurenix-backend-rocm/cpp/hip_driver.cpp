// The engine's driver over the HIP runtime.
#include "hip_driver.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>

#include "hip_library.h"

#define CALL(function, ...) check(api_, #function, api_.function(__VA_ARGS__))

namespace phynexus::hip {
namespace {

// The engine's handles are the vendor's under another name.
HipStream vendor(gpu::Stream x) { return reinterpret_cast<HipStream>(x); }
HipEvent vendor(gpu::Event x) { return reinterpret_cast<HipEvent>(x); }
HipModule vendor(gpu::Module x) { return reinterpret_cast<HipModule>(x); }
HipFunction vendor(gpu::Kernel x) { return reinterpret_cast<HipFunction>(x); }
HipExec vendor(gpu::Graph x) { return reinterpret_cast<HipExec>(x); }

// Of "gfx90a:sramecc+:xnack-" the first part: code is made without asking for the others.
std::string architecture_of(const char* properties) {
  const std::string_view name(properties, strnlen(properties, 256));
  return std::string(name.substr(0, name.find(':')));
}

bool is_among(std::string_view name, std::string_view list) {
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(' ', begin), list.size());
    if (list.substr(begin, end - begin) == name) return true;
    begin = end + 1;
  }
  return false;
}

// The devices that were this thread's before it entered one.
thread_local std::vector<HipDevice> devices_before;

// How often each device was reset in this process.
std::atomic<int> resets[64];

}  // namespace

HipDriver::HipDriver(const HipApi& api, int index) : api_(api), device_(index) {
  char name[256] = {};
  CALL(hipDeviceGetName, name, int(sizeof name) - 1, device_);
  std::vector<char> properties(hip_properties_room);
  CALL(hipGetDeviceProperties, properties.data(), device_);
  facts_.name = name;
  facts_.architecture = architecture_of(properties.data() + api_.architecture_at);
  if (!is_among(facts_.architecture, PHYNEXUS_HIP_ARCHITECTURES))
    throw Failure(
        PHX_DEVICE_ERROR,
        format("%s is of the architecture %s, and this library has code for %s; build neurenix-backend-rocm "
               "with a toolchain that knows it, and -DPHYNEXUS_HIP_ARCHITECTURES=%s",
               name, facts_.architecture.c_str(), PHYNEXUS_HIP_ARCHITECTURES, facts_.architecture.c_str()));
  size_t bytes = 0;
  CALL(hipDeviceTotalMem, &bytes, device_);
  facts_.memory_bytes = int64_t(bytes);
  const auto attribute = [&](HipAttribute which) {
    int value = 0;
    CALL(hipDeviceGetAttribute, &value, which, device_);
    return value;
  };
  facts_.multiprocessors = attribute(hip_attribute_multiprocessors);
  facts_.shared_bytes = attribute(hip_attribute_shared_bytes);
  lanes_ = attribute(hip_attribute_lanes);
  resets_ = resets[device_ % 64];
}

HipDriver::~HipDriver() = default;

bool HipDriver::is_reset() const { return forgotten_ || resets_ != resets[device_ % 64]; }

void HipDriver::refuse_reset() const {
  if (is_reset())
    throw gpu::DriverFailure(PHX_DEVICE_ERROR,
                             forgotten_ ? "another library of this process has reset it"
                                        : "another engine of this process found it lost, and opened it again",
                             true);
}

void HipDriver::reopen() {
  forgotten_ = false;
  if (!is_reset()) {
    const gpu::Entered entered(*this);
    CALL(hipDeviceReset);
    resets[device_ % 64]++;
  }
  resets_ = resets[device_ % 64];
}

void HipDriver::enter() {
  refuse_reset();
  HipDevice before = 0;
  CALL(hipGetDevice, &before);
  if (before != device_) CALL(hipSetDevice, device_);
  devices_before.push_back(before);
}

void HipDriver::leave() noexcept {
  const HipDevice before = devices_before.back();
  devices_before.pop_back();
  if (before != device_) api_.hipSetDevice(before);
}

char* HipDriver::take(int64_t bytes) {
  void* memory = nullptr;
  const HipResult result = api_.hipMalloc(&memory, size_t(bytes));
  if (result == hip_out_of_memory) return nullptr;
  check(api_, "hipMalloc", result);
  return static_cast<char*>(memory);
}

void HipDriver::give(char* memory) noexcept {
  if (!is_reset()) api_.hipFree(memory);
}

gpu::FreeMemory HipDriver::free_memory() {
  size_t free = 0, total = 0;
  CALL(hipMemGetInfo, &free, &total);
  return {int64_t(free), int64_t(total)};
}

gpu::Pinned HipDriver::take_pinned(int64_t bytes) {
  void* host = nullptr;
  CALL(hipHostMalloc, &host, size_t(bytes), hip_host_memory_mapped);
  void* seen = nullptr;
  const HipResult result = api_.hipHostGetDevicePointer(&seen, host, 0);
  if (result != hip_success) {
    api_.hipHostFree(host);
    fail(api_, "hipHostGetDevicePointer", result);
  }
  return {static_cast<char*>(host), static_cast<char*>(seen)};
}

void HipDriver::give_pinned(const gpu::Pinned& memory) noexcept {
  if (!is_reset()) api_.hipHostFree(memory.host);
}

gpu::Stream HipDriver::make_stream() {
  HipStream stream = nullptr;
  CALL(hipStreamCreateWithFlags, &stream, hip_stream_nonblocking);
  return reinterpret_cast<gpu::Stream>(stream);
}

void HipDriver::give(gpu::Stream stream) noexcept {
  if (!is_reset()) api_.hipStreamDestroy(vendor(stream));
}
void HipDriver::wait_for(gpu::Stream stream) {
  refuse_reset();  // a session that ends waits without having entered
  CALL(hipStreamSynchronize, vendor(stream));
}

gpu::Event HipDriver::make_event(bool timed) {
  HipEvent event = nullptr;
  CALL(hipEventCreateWithFlags, &event, timed ? hip_event_timed : hip_event_untimed);
  return reinterpret_cast<gpu::Event>(event);
}

void HipDriver::give(gpu::Event event) noexcept {
  if (!is_reset()) api_.hipEventDestroy(vendor(event));
}
void HipDriver::record(gpu::Event event, gpu::Stream stream) {
  CALL(hipEventRecord, vendor(event), vendor(stream));
}
void HipDriver::wait_for(gpu::Event event) { CALL(hipEventSynchronize, vendor(event)); }
void HipDriver::wait_in(gpu::Stream stream, gpu::Event event) {
  CALL(hipStreamWaitEvent, vendor(stream), vendor(event), 0);
}

bool HipDriver::is_done(gpu::Event event) {
  const HipResult result = api_.hipEventQuery(vendor(event));
  if (result == hip_not_ready) return false;
  check(api_, "hipEventQuery", result);
  return true;
}

int64_t HipDriver::nanoseconds_between(gpu::Event first, gpu::Event second) {
  float milliseconds = 0;
  CALL(hipEventElapsedTime, &milliseconds, vendor(first), vendor(second));
  return int64_t(double(milliseconds) * 1e6);
}

void HipDriver::copy_in(char* device, const char* host, int64_t bytes, gpu::Stream stream) {
  CALL(hipMemcpyHtoDAsync, device, const_cast<char*>(host), size_t(bytes), vendor(stream));
}

void HipDriver::copy_out(char* host, const char* device, int64_t bytes, gpu::Stream stream) {
  CALL(hipMemcpyDtoHAsync, host, const_cast<char*>(device), size_t(bytes), vendor(stream));
}

gpu::Module HipDriver::load(const void* image) {
  HipModule module = nullptr;
  CALL(hipModuleLoadData, &module, image);
  return reinterpret_cast<gpu::Module>(module);
}

void HipDriver::give(gpu::Module module) noexcept {
  if (!is_reset()) api_.hipModuleUnload(vendor(module));
}

// A block may have all of its shared memory without being asked.
gpu::Kernel HipDriver::find(gpu::Module module, const char* kernel) {
  HipFunction function = nullptr;
  CALL(hipModuleGetFunction, &function, vendor(module), kernel);
  return reinterpret_cast<gpu::Kernel>(function);
}

void HipDriver::launch(const gpu::KernelLaunch& x, gpu::Stream stream) {
  void* arguments[] = {const_cast<void*>(x.argument)};
  CALL(hipModuleLaunchKernel, vendor(x.kernel), unsigned(x.blocks), 1, 1, unsigned(x.threads), 1, 1,
       unsigned(x.shared_bytes), vendor(stream), arguments, nullptr);
}

gpu::Graph HipDriver::make_graph(const std::vector<gpu::KernelLaunch>& launches) {
  const HipGraph graph = captured(launches);
  HipExec exec = nullptr;
  const HipResult result = api_.hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0);
  api_.hipGraphDestroy(graph);
  check(api_, "hipGraphInstantiate", result);
  return reinterpret_cast<gpu::Graph>(exec);
}

// What is launched on a stream that is captured becomes the graph's nodes, one after the other: a node of a graph takes
// a function of a module in the newest releases only.
HipGraph HipDriver::captured(const std::vector<gpu::KernelLaunch>& launches) {
  const gpu::Stream stream = make_stream();
  HipGraph graph = nullptr;
  try {
    CALL(hipStreamBeginCapture, vendor(stream), hip_capture_thread_local);
    try {
      for (const gpu::KernelLaunch& x : launches) launch(x, stream);
    } catch (...) {
      api_.hipStreamEndCapture(vendor(stream), &graph);
      if (graph) api_.hipGraphDestroy(graph);
      throw;
    }
    CALL(hipStreamEndCapture, vendor(stream), &graph);
  } catch (...) {
    give(stream);
    throw;
  }
  give(stream);
  return graph;
}

void HipDriver::give(gpu::Graph graph) noexcept {
  if (!is_reset()) api_.hipGraphExecDestroy(vendor(graph));
}
void HipDriver::launch(gpu::Graph graph, gpu::Stream stream) {
  CALL(hipGraphLaunch, vendor(graph), vendor(stream));
}

}  // namespace phynexus::hip
