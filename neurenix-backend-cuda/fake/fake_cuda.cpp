// A libcuda.so.1 for tests: NVIDIA's functions over memory of the host, threads, and kernels that g++ has compiled.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "fake_devices.h"
#include "fake_modules.h"
#include "fake_streams.h"

using namespace phynexus::fake;
using namespace phynexus;

// Each function begins with one of them.
#define ANYWHERE(name) \
  if (const CuResult failed = begin(#name, false); failed != cuda_success) return failed
#define IN_CONTEXT(name) \
  if (const CuResult failed = begin(#name, true); failed != cuda_success) return failed

namespace {

thread_local std::vector<Device*> contexts;

FakeStream* of(CuStream x) { return reinterpret_cast<FakeStream*>(x); }
EventPointer& of(CuEvent x) { return *reinterpret_cast<EventPointer*>(x); }
FakeModule* of(CuModule x) { return reinterpret_cast<FakeModule*>(x); }
FakeFunction* of(CuFunction x) { return reinterpret_cast<FakeFunction*>(x); }
FakeGraph* of(CuGraph x) { return reinterpret_cast<FakeGraph*>(x); }
FakeExec* of(CuExec x) { return reinterpret_cast<FakeExec*>(x); }

bool holds(const Device& device, CuAddress address, size_t bytes) {
  auto next = device.memory.upper_bound(address);
  if (next == device.memory.begin()) return false;
  --next;
  return address + bytes <= next->first + next->second;
}

constexpr const char image_mark[] = "phynexus-emulated:";  // then a library's path, or nothing

}  // namespace

namespace phynexus::fake {
Device* current() { return contexts.empty() ? nullptr : contexts.back(); }
}  // namespace phynexus::fake

#pragma GCC visibility push(default)
extern "C" {

// Declared before they are defined, so that a parameter that differs from the table's is an error.
#define X(name, parameters) CuResult name parameters;
PHYNEXUS_CUDA_FUNCTIONS(X)
#undef X

// The errors that the engine knows, in turn: 0 beyond the last.
int phynexus_fake_cuda_error(int index, const char** name, const char** remedy, int* lost) {
  if (index < 0 || index >= int(std::size(cuda_errors))) return 0;
  const CudaError& error = cuda_errors[index];
  *name = error.name, *remedy = error.remedy, *lost = error.lost;
  return error.number;
}

CuResult cuInit(unsigned) {
  ANYWHERE(cuInit);
  return world().devices ? cuda_success : cuda_no_device;
}

CuResult cuDriverGetVersion(int* version) {
  ANYWHERE(cuDriverGetVersion);
  *version = world().version;
  return cuda_success;
}

CuResult cuGetErrorName(CuResult error, const char** name) {
  ANYWHERE(cuGetErrorName);
  const CudaError* known = find_error(error);
  if (!known) return cuda_invalid_value;
  *name = known->name;
  return cuda_success;
}

CuResult cuGetErrorString(CuResult, const char** text) {
  ANYWHERE(cuGetErrorString);
  const Device* device = current();
  std::lock_guard lock(world().mutex);
  *text = device && !device->why.empty() ? device->why.c_str() : "said by the fake driver";
  return cuda_success;
}

CuResult cuDeviceGetCount(int* count) {
  ANYWHERE(cuDeviceGetCount);
  *count = world().devices;
  return cuda_success;
}

CuResult cuDeviceGet(CuDevice* device, int index) {
  ANYWHERE(cuDeviceGet);
  if (index < 0 || index >= world().devices) return cuda_invalid_device;
  *device = index;
  return cuda_success;
}

CuResult cuDeviceGetName(char* name, int room, CuDevice device) {
  ANYWHERE(cuDeviceGetName);
  std::strncpy(name, ("Emulated GPU " + std::to_string(device)).c_str(), size_t(room) - 1);
  return cuda_success;
}

CuResult cuDeviceGetAttribute(int* value, CuAttribute attribute, CuDevice device) {
  ANYWHERE(cuDeviceGetAttribute);
  switch (attribute) {
    case cuda_attribute_multiprocessors: *value = world().multiprocessors; return cuda_success;
    case cuda_attribute_major: *value = world().architecture_of(device) / 10; return cuda_success;
    case cuda_attribute_minor: *value = world().architecture_of(device) % 10; return cuda_success;
    case cuda_attribute_shared_bytes: *value = world().shared_bytes(227 << 10); return cuda_success;
  }
  return cuda_invalid_value;
}

CuResult cuDeviceTotalMem_v2(size_t* bytes, CuDevice) {
  ANYWHERE(cuDeviceTotalMem_v2);
  *bytes = size_t(world().memory);
  return cuda_success;
}

CuResult cuDevicePrimaryCtxRetain(CuContext* context, CuDevice device) {
  ANYWHERE(cuDevicePrimaryCtxRetain);
  World& w = world();
  std::lock_guard lock(w.mutex);
  Device& x = w.all[device];
  if (loses_device(x.error)) return x.error;
  x.index = device;
  x.retained++;
  *context = reinterpret_cast<CuContext>(&x);
  return cuda_success;
}

CuResult cuDevicePrimaryCtxRelease_v2(CuDevice device) {
  ANYWHERE(cuDevicePrimaryCtxRelease_v2);
  World& w = world();
  std::lock_guard lock(w.mutex);
  w.all[device].retained--;
  return w.all[device].error;
}

// What was made in the context is gone: its memory too.
CuResult cuDevicePrimaryCtxReset_v2(CuDevice device) {
  ANYWHERE(cuDevicePrimaryCtxReset_v2);
  World& w = world();
  std::unique_lock lock(w.mutex);
  Device& x = w.all[device];
  if (w.gone) return x.error;
  w.changed.wait(lock, [&] { return !x.queued; });  // none may find its memory gone
  for (const auto& [address, bytes] : x.memory) std::free(reinterpret_cast<void*>(address));
  x.memory.clear();
  for (void* host : x.pinned) std::free(host);
  x.pinned.clear();
  x.used = 0;
  x.error = cuda_success;
  x.why.clear();
  return cuda_success;
}

CuResult cuCtxPushCurrent_v2(CuContext context) {
  ANYWHERE(cuCtxPushCurrent_v2);
  if (!context) return cuda_invalid_context;
  contexts.push_back(reinterpret_cast<Device*>(context));
  return cuda_success;
}

CuResult cuCtxPopCurrent_v2(CuContext* context) {
  ANYWHERE(cuCtxPopCurrent_v2);
  if (contexts.empty()) return cuda_invalid_context;
  *context = reinterpret_cast<CuContext>(contexts.back());
  contexts.pop_back();
  return cuda_success;
}

CuResult cuMemAlloc_v2(CuAddress* address, size_t bytes) {
  IN_CONTEXT(cuMemAlloc_v2);
  World& w = world();
  std::lock_guard lock(w.mutex);
  Device& x = *current();
  if (!bytes) return cuda_invalid_value;
  if (x.used + int64_t(bytes) > w.memory) return cuda_out_of_memory;
  void* memory = nullptr;  // of just so many bytes: AddressSanitizer sees what lies behind them
  if (posix_memalign(&memory, 256, bytes) != 0) memory = nullptr;
  if (!memory) return cuda_out_of_memory;
  std::memset(memory, 0xFF, bytes);  // NaN to whoever reads it before it is written
  *address = reinterpret_cast<CuAddress>(memory);
  x.memory[*address] = bytes;
  x.used += int64_t(bytes);
  return cuda_success;
}

CuResult cuMemFree_v2(CuAddress address) {
  IN_CONTEXT(cuMemFree_v2);
  World& w = world();
  std::lock_guard lock(w.mutex);
  Device& x = *current();
  const auto found = x.memory.find(address);
  if (found == x.memory.end()) return cuda_invalid_value;
  x.used -= int64_t(found->second);
  x.memory.erase(found);
  std::free(reinterpret_cast<void*>(address));
  return cuda_success;
}

CuResult cuMemGetInfo_v2(size_t* free, size_t* total) {
  IN_CONTEXT(cuMemGetInfo_v2);
  World& w = world();
  std::lock_guard lock(w.mutex);
  *total = size_t(w.memory);
  *free = size_t(w.memory - current()->used);
  return cuda_success;
}

CuResult cuMemHostAlloc(void** host, size_t bytes, unsigned) {
  IN_CONTEXT(cuMemHostAlloc);
  *host = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (!*host) return cuda_out_of_memory;
  std::lock_guard lock(world().mutex);
  current()->pinned.insert(*host);
  return cuda_success;
}

CuResult cuMemFreeHost(void* host) {
  ANYWHERE(cuMemFreeHost);
  World& w = world();
  std::unique_lock lock(w.mutex);
  for (Device& x : w.all)
    if (x.pinned.erase(host)) {
      // With a device's loss its kernels end. Those of a device that works are the caller's to wait for.
      w.changed.wait(lock, [&] { return x.error == cuda_success || !x.queued; });
      std::free(host);
      return cuda_success;
    }
  return cuda_invalid_value;
}

CuResult cuMemHostGetDevicePointer_v2(CuAddress* address, void* host, unsigned) {
  IN_CONTEXT(cuMemHostGetDevicePointer_v2);
  *address = reinterpret_cast<CuAddress>(host);
  return cuda_success;
}

CuResult cuMemcpyHtoDAsync_v2(CuAddress to, const void* from, size_t bytes, CuStream stream) {
  IN_CONTEXT(cuMemcpyHtoDAsync_v2);
  {
    std::lock_guard lock(world().mutex);
    if (!holds(*current(), to, bytes)) return cuda_invalid_value;
  }
  of(stream)->add([=] { std::memcpy(reinterpret_cast<void*>(to), from, bytes); });
  return cuda_success;
}

CuResult cuMemcpyDtoHAsync_v2(void* to, CuAddress from, size_t bytes, CuStream stream) {
  IN_CONTEXT(cuMemcpyDtoHAsync_v2);
  {
    std::lock_guard lock(world().mutex);
    if (!holds(*current(), from, bytes)) return cuda_invalid_value;
  }
  of(stream)->add([=] { std::memcpy(to, reinterpret_cast<const void*>(from), bytes); });
  return cuda_success;
}

CuResult cuStreamCreate(CuStream* stream, unsigned) {
  IN_CONTEXT(cuStreamCreate);
  *stream = reinterpret_cast<CuStream>(new FakeStream(*current()));
  return cuda_success;
}

// Here and below, what is given back goes also where the device is lost: nobody counts on the answer.
CuResult cuStreamDestroy_v2(CuStream stream) {
  ANYWHERE(cuStreamDestroy_v2);
  delete of(stream);
  return cuda_success;
}

CuResult cuStreamSynchronize(CuStream stream) {
  IN_CONTEXT(cuStreamSynchronize);
  of(stream)->wait_until_idle();
  std::lock_guard lock(world().mutex);
  return current()->error;
}

CuResult cuStreamWaitEvent(CuStream stream, CuEvent event, unsigned) {
  IN_CONTEXT(cuStreamWaitEvent);
  of(stream)->wait_in(of(event));
  return cuda_success;
}

CuResult cuEventCreate(CuEvent* event, unsigned) {
  IN_CONTEXT(cuEventCreate);
  *event = reinterpret_cast<CuEvent>(new EventPointer(std::make_shared<FakeEvent>()));
  return cuda_success;
}

CuResult cuEventDestroy_v2(CuEvent event) {
  ANYWHERE(cuEventDestroy_v2);
  delete &of(event);
  return cuda_success;
}

CuResult cuEventRecord(CuEvent event, CuStream stream) {
  IN_CONTEXT(cuEventRecord);
  of(stream)->record(of(event));
  return cuda_success;
}

CuResult cuEventQuery(CuEvent event) {
  IN_CONTEXT(cuEventQuery);
  return is_done(*of(event)) ? cuda_success : cuda_not_ready;
}

CuResult cuEventSynchronize(CuEvent event) {
  IN_CONTEXT(cuEventSynchronize);
  wait_for(*of(event));
  std::lock_guard lock(world().mutex);
  return current()->error;
}

CuResult cuEventElapsedTime(float* milliseconds, CuEvent first, CuEvent second) {
  IN_CONTEXT(cuEventElapsedTime);
  std::lock_guard lock(world().mutex);
  *milliseconds = std::chrono::duration<float, std::milli>(of(second)->when - of(first)->when).count();
  return cuda_success;
}

CuResult cuModuleLoadData(CuModule* module, const void* image) {
  IN_CONTEXT(cuModuleLoadData);
  auto made = std::make_unique<FakeModule>();
  const char* path = static_cast<const char*>(image) + sizeof image_mark - 1;
  if (std::memcmp(image, image_mark, sizeof image_mark - 1) == 0 && *path) {
    made->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!made->library) return cuda_no_binary_for_gpu;
  }
  *module = reinterpret_cast<CuModule>(made.release());
  return cuda_success;
}

CuResult cuModuleUnload(CuModule module) {
  ANYWHERE(cuModuleUnload);
  if (of(module)->library) dlclose(of(module)->library);
  delete of(module);
  return cuda_success;
}

CuResult cuModuleGetFunction(CuFunction* function, CuModule module, const char* name) {
  IN_CONTEXT(cuModuleGetFunction);
  using Find = const emulator::Kernel* (*)(const char*);
  Find find = emulator::find_kernel;
  if (of(module)->library)
    find = reinterpret_cast<Find>(dlsym(of(module)->library, "phynexus_emulated_kernel"));
  const emulator::Kernel* kernel = find ? find(name) : nullptr;
  if (!kernel) return cuda_not_found;
  auto made = std::make_unique<FakeFunction>();
  made->kernel = kernel;
  *function = reinterpret_cast<CuFunction>(made.get());
  of(module)->functions.push_back(std::move(made));
  return cuda_success;
}

CuResult cuFuncSetAttribute(CuFunction function, int attribute, int value) {
  IN_CONTEXT(cuFuncSetAttribute);
  if (attribute != cuda_function_shared_bytes || value < 0 || value > world().shared_bytes(227 << 10))
    return cuda_invalid_value;
  of(function)->shared_bytes = value;
  return cuda_success;
}

CuResult cuLaunchKernel(CuFunction function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z,
                        unsigned threads_x, unsigned threads_y, unsigned threads_z, unsigned shared_bytes,
                        CuStream stream, void** arguments, void**) {
  IN_CONTEXT(cuLaunchKernel);
  FakeLaunch launch;
  const CuResult result = make_launch({function, blocks_x, blocks_y, blocks_z, threads_x, threads_y,
                                       threads_z, shared_bytes, arguments, nullptr, nullptr, nullptr},
                                      launch);
  if (result != cuda_success) return result;
  Device& device = of(stream)->device;
  of(stream)->add([launch = std::move(launch), &device] { launch.run(device); });
  return cuda_success;
}

CuResult cuGraphCreate(CuGraph* graph, unsigned) {
  IN_CONTEXT(cuGraphCreate);
  *graph = reinterpret_cast<CuGraph>(new FakeGraph);
  return cuda_success;
}

static CuResult add_node(CuNode* node, CuGraph graph, const CuNode* before, size_t count, FakeLaunch launch) {
  auto made = std::make_unique<FakeNode>();
  made->launch = std::move(launch);
  for (size_t k = 0; k < count; k++) {
    const size_t number = reinterpret_cast<size_t>(before[k]);
    if (number < 1 || number > of(graph)->nodes.size()) return cuda_invalid_value;
    made->before.push_back(number - 1);
  }
  of(graph)->nodes.push_back(std::move(made));
  *node = reinterpret_cast<CuNode>(of(graph)->nodes.size());
  return cuda_success;
}

CuResult cuGraphAddKernelNode_v2(CuNode* node, CuGraph graph, const CuNode* before, size_t count,
                                 const CuKernelNode* launch) {
  IN_CONTEXT(cuGraphAddKernelNode_v2);
  FakeLaunch made;
  const CuResult result = make_launch(*launch, made);
  return result != cuda_success ? result : add_node(node, graph, before, count, std::move(made));
}

CuResult cuGraphAddEmptyNode(CuNode* node, CuGraph graph, const CuNode* before, size_t count) {
  IN_CONTEXT(cuGraphAddEmptyNode);
  return add_node(node, graph, before, count, {});
}

CuResult cuGraphInstantiateWithFlags(CuExec* exec, CuGraph graph, unsigned long long) {
  IN_CONTEXT(cuGraphInstantiateWithFlags);
  *exec = reinterpret_cast<CuExec>(new FakeExec(in_order(*of(graph), world().backwards)));
  return cuda_success;
}

CuResult cuGraphLaunch(CuExec exec, CuStream stream) {
  IN_CONTEXT(cuGraphLaunch);
  Device& device = of(stream)->device;
  of(stream)->add([launches = of(exec)->launches, &device] {
    for (const FakeLaunch& launch : *launches) launch.run(device);
  });
  return cuda_success;
}

CuResult cuGraphExecDestroy(CuExec exec) {
  ANYWHERE(cuGraphExecDestroy);
  delete of(exec);
  return cuda_success;
}

CuResult cuGraphDestroy(CuGraph graph) {
  ANYWHERE(cuGraphDestroy);
  delete of(graph);
  return cuda_success;
}
}
#pragma GCC visibility pop
