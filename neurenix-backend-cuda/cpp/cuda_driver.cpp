// The engine's driver over libcuda.
#include "cuda_driver.h"

#include <atomic>

#include "cuda_library.h"

#define CALL(function, ...) check(api_, #function, api_.function(__VA_ARGS__))

namespace phynexus::cuda {
namespace {

// The engine's handles are the vendor's under another name.
CuStream vendor(gpu::Stream x) { return reinterpret_cast<CuStream>(x); }
CuEvent vendor(gpu::Event x) { return reinterpret_cast<CuEvent>(x); }
CuModule vendor(gpu::Module x) { return reinterpret_cast<CuModule>(x); }
CuFunction vendor(gpu::Kernel x) { return reinterpret_cast<CuFunction>(x); }
CuExec vendor(gpu::Graph x) { return reinterpret_cast<CuExec>(x); }
CuAddress address(const char* x) { return reinterpret_cast<CuAddress>(x); }
char* pointer(CuAddress x) { return reinterpret_cast<char*>(x); }

}  // namespace

CudaDriver::CudaDriver(const CudaApi& api, int index) : api_(api) {
  CALL(cuDeviceGet, &device_, index);
  char name[256] = {};
  CALL(cuDeviceGetName, name, int(sizeof name) - 1, device_);
  const auto attribute = [&](CuAttribute which) {
    int value = 0;
    CALL(cuDeviceGetAttribute, &value, which, device_);
    return value;
  };
  const int architecture = attribute(cuda_attribute_major) * 10 + attribute(cuda_attribute_minor);
  facts_.name = name;
  facts_.architecture = "sm_" + std::to_string(architecture);
  if (architecture < PHYNEXUS_CUDA_OLDEST)
    throw Failure(PHX_DEVICE_ERROR,
                  format("%s is of the architecture %s, and this library has code for sm_%d and newer", name,
                         facts_.architecture.c_str(), PHYNEXUS_CUDA_OLDEST));
  size_t bytes = 0;
  CALL(cuDeviceTotalMem_v2, &bytes, device_);
  facts_.memory_bytes = int64_t(bytes);
  facts_.multiprocessors = attribute(cuda_attribute_multiprocessors);
  facts_.shared_bytes = attribute(cuda_attribute_shared_bytes);
  open();
}

namespace {

// How often each device's context was thrown away in this process.
std::atomic<int> resets[64];

}  // namespace

// The primary context, which other libraries of the process use too: so memory can be handed to them.
void CudaDriver::open() {
  CuResult result = api_.cuDevicePrimaryCtxRetain(&context_, device_);
  // The context of an engine that is gone. 999 may be that, or that nobody may compute on the card: then nobody has a
  // context there that a reset could take away, and the second answer is the same.
  if (is_loss(result) || result == cuda_invalid_handle || result == cuda_unknown) {
    throw_away();
    result = api_.cuDevicePrimaryCtxRetain(&context_, device_);
  }
  check(api_, "cuDevicePrimaryCtxRetain", result);
  resets_ = resets[device_ % 64];
}

void CudaDriver::throw_away() {
  CALL(cuDevicePrimaryCtxReset_v2, device_);
  resets[device_ % 64]++;
}

bool CudaDriver::is_reset() const { return forgotten_ || resets_ != resets[device_ % 64]; }

void CudaDriver::refuse_reset() const {
  if (is_reset())
    throw gpu::DriverFailure(PHX_DEVICE_ERROR,
                             forgotten_ ? "another library of this process has reset it"
                                        : "another engine of this process found it lost, and opened it again",
                             true);
}

CudaDriver::~CudaDriver() {
  if (context_) api_.cuDevicePrimaryCtxRelease_v2(device_);
}

void CudaDriver::reopen() {
  forgotten_ = false;
  if (context_) {
    context_ = nullptr;
    api_.cuDevicePrimaryCtxRelease_v2(device_);  // of a lost device it answers with the loss
    if (!is_reset()) throw_away();
  }
  open();
}

void CudaDriver::enter() {
  refuse_reset();
  CALL(cuCtxPushCurrent_v2, context_);
}

void CudaDriver::leave() noexcept {
  CuContext before;
  api_.cuCtxPopCurrent_v2(&before);
}

char* CudaDriver::take(int64_t bytes) {
  CuAddress memory = 0;
  const CuResult result = api_.cuMemAlloc_v2(&memory, size_t(bytes));
  if (result == cuda_out_of_memory) return nullptr;
  check(api_, "cuMemAlloc_v2", result);
  return pointer(memory);
}

void CudaDriver::give(char* memory) noexcept {
  if (!is_reset()) api_.cuMemFree_v2(address(memory));
}

gpu::FreeMemory CudaDriver::free_memory() {
  size_t free = 0, total = 0;
  CALL(cuMemGetInfo_v2, &free, &total);
  return {int64_t(free), int64_t(total)};
}

gpu::Pinned CudaDriver::take_pinned(int64_t bytes) {
  void* host = nullptr;
  CALL(cuMemHostAlloc, &host, size_t(bytes), cuda_host_memory_mapped);
  CuAddress seen = 0;
  const CuResult result = api_.cuMemHostGetDevicePointer_v2(&seen, host, 0);
  if (result != cuda_success) {
    api_.cuMemFreeHost(host);
    fail(api_, "cuMemHostGetDevicePointer_v2", result);
  }
  return {static_cast<char*>(host), pointer(seen)};
}

void CudaDriver::give_pinned(const gpu::Pinned& memory) noexcept {
  if (!is_reset()) api_.cuMemFreeHost(memory.host);
}

gpu::Stream CudaDriver::make_stream() {
  CuStream stream = nullptr;
  CALL(cuStreamCreate, &stream, cuda_stream_nonblocking);
  return reinterpret_cast<gpu::Stream>(stream);
}

void CudaDriver::give(gpu::Stream stream) noexcept {
  if (!is_reset()) api_.cuStreamDestroy_v2(vendor(stream));
}
void CudaDriver::wait_for(gpu::Stream stream) {
  refuse_reset();  // a session that ends waits without having entered
  CALL(cuStreamSynchronize, vendor(stream));
}

gpu::Event CudaDriver::make_event(bool timed) {
  CuEvent event = nullptr;
  CALL(cuEventCreate, &event, timed ? cuda_event_timed : cuda_event_untimed);
  return reinterpret_cast<gpu::Event>(event);
}

void CudaDriver::give(gpu::Event event) noexcept {
  if (!is_reset()) api_.cuEventDestroy_v2(vendor(event));
}
void CudaDriver::record(gpu::Event event, gpu::Stream stream) {
  CALL(cuEventRecord, vendor(event), vendor(stream));
}
void CudaDriver::wait_for(gpu::Event event) { CALL(cuEventSynchronize, vendor(event)); }
void CudaDriver::wait_in(gpu::Stream stream, gpu::Event event) {
  CALL(cuStreamWaitEvent, vendor(stream), vendor(event), 0);
}

bool CudaDriver::is_done(gpu::Event event) {
  const CuResult result = api_.cuEventQuery(vendor(event));
  if (result == cuda_not_ready) return false;
  check(api_, "cuEventQuery", result);
  return true;
}

int64_t CudaDriver::nanoseconds_between(gpu::Event first, gpu::Event second) {
  float milliseconds = 0;
  CALL(cuEventElapsedTime, &milliseconds, vendor(first), vendor(second));
  return int64_t(double(milliseconds) * 1e6);
}

void CudaDriver::copy_in(char* device, const char* host, int64_t bytes, gpu::Stream stream) {
  CALL(cuMemcpyHtoDAsync_v2, address(device), host, size_t(bytes), vendor(stream));
}

void CudaDriver::copy_out(char* host, const char* device, int64_t bytes, gpu::Stream stream) {
  CALL(cuMemcpyDtoHAsync_v2, host, address(device), size_t(bytes), vendor(stream));
}

gpu::Module CudaDriver::load(const void* image) {
  CuModule module = nullptr;
  CALL(cuModuleLoadData, &module, image);
  return reinterpret_cast<gpu::Module>(module);
}

void CudaDriver::give(gpu::Module module) noexcept {
  if (!is_reset()) api_.cuModuleUnload(vendor(module));
}

gpu::Kernel CudaDriver::find(gpu::Module module, const char* kernel) {
  CuFunction function = nullptr;
  CALL(cuModuleGetFunction, &function, vendor(module), kernel);
  CALL(cuFuncSetAttribute, function, cuda_function_shared_bytes, facts_.shared_bytes);
  return reinterpret_cast<gpu::Kernel>(function);
}

void CudaDriver::launch(const gpu::KernelLaunch& x, gpu::Stream stream) {
  void* arguments[] = {const_cast<void*>(x.argument)};
  CALL(cuLaunchKernel, vendor(x.kernel), unsigned(x.blocks), 1, 1, unsigned(x.threads), 1, 1,
       unsigned(x.shared_bytes), vendor(stream), arguments, nullptr);
}

gpu::Graph CudaDriver::make_graph(const std::vector<gpu::KernelLaunch>& launches) {
  CuGraph graph = nullptr;
  CALL(cuGraphCreate, &graph, 0);
  CuExec exec = nullptr;
  try {
    add_nodes(graph, launches);
    CALL(cuGraphInstantiateWithFlags, &exec, graph, 0);
  } catch (...) {
    api_.cuGraphDestroy(graph);
    throw;
  }
  api_.cuGraphDestroy(graph);
  return reinterpret_cast<gpu::Graph>(exec);
}

// Between two levels that both have several launches stands an empty node, so that their edges do not multiply.
void CudaDriver::add_nodes(CuGraph graph, const std::vector<gpu::KernelLaunch>& launches) {
  std::vector<CuNode> before, level;
  for (size_t i = 0; i < launches.size(); i++) {
    if (i && launches[i].level != launches[i - 1].level) {
      size_t next = i;
      while (next < launches.size() && launches[next].level == launches[i].level) next++;
      before.swap(level);
      level.clear();
      if (before.size() > 1 && next - i > 1) {
        CuNode joint = nullptr;
        CALL(cuGraphAddEmptyNode, &joint, graph, before.data(), before.size());
        before = {joint};
      }
    }
    const gpu::KernelLaunch& x = launches[i];
    void* arguments[] = {const_cast<void*>(x.argument)};
    CuKernelNode launch{};
    launch.function = vendor(x.kernel);
    launch.blocks_x = unsigned(x.blocks);
    launch.threads_x = unsigned(x.threads);
    launch.blocks_y = launch.blocks_z = launch.threads_y = launch.threads_z = 1;
    launch.shared_bytes = unsigned(x.shared_bytes);
    launch.arguments = arguments;
    level.emplace_back();
    CALL(cuGraphAddKernelNode_v2, &level.back(), graph, before.data(), before.size(), &launch);
  }
}

void CudaDriver::give(gpu::Graph graph) noexcept {
  if (!is_reset()) api_.cuGraphExecDestroy(vendor(graph));
}
void CudaDriver::launch(gpu::Graph graph, gpu::Stream stream) {
  CALL(cuGraphLaunch, vendor(graph), vendor(stream));
}

}  // namespace phynexus::cuda
