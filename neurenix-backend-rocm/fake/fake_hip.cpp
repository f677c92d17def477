// A libamdhip64.so for tests: AMD's functions, as a layer over the fake driver of CUDA (../../neurenix-backend-cuda/
// fake), which has the devices, streams and kernels. Each function counts, and fails, under its own name.
#include <cstring>
#include <iterator>
#include <map>
#include <string>

#include "cuda_api.h"
#include "fake_devices.h"
#include "hip_api.h"

using namespace phynexus::fake;
using namespace phynexus::hip;

// Each function begins with one of them. Numbers of errors are the same for both vendors, as far as the engine knows
// them.
#define ANYWHERE(name) \
  if (const CuResult failed = begin(#name, false); failed != cuda_success) return HipResult(failed)
#define ON_DEVICE(name)     \
  const OnDevice on_device; \
  if (const CuResult failed = begin(#name, true); failed != cuda_success) return HipResult(failed)

#define X(name, parameters) extern "C" phynexus::cuda::CuResult name parameters;
PHYNEXUS_CUDA_FUNCTIONS(X)
#undef X

namespace {

thread_local HipDevice device_of_thread = 0;

// Within its life the thread's device is the one whose context is current.
class OnDevice {
 public:
  OnDevice() { cuCtxPushCurrent_v2(reinterpret_cast<CuContext>(&world().all[device_of_thread])); }
  ~OnDevice() {
    CuContext before;
    cuCtxPopCurrent_v2(&before);
  }
};

struct Capture {
  CuGraph graph = nullptr;
  CuNode last = nullptr;
};
thread_local std::map<HipStream, Capture> captures;

CuStream cuda_of(HipStream x) { return reinterpret_cast<CuStream>(x); }
CuEvent cuda_of(HipEvent x) { return reinterpret_cast<CuEvent>(x); }
CuModule cuda_of(HipModule x) { return reinterpret_cast<CuModule>(x); }
CuFunction cuda_of(HipFunction x) { return reinterpret_cast<CuFunction>(x); }
CuGraph cuda_of(HipGraph x) { return reinterpret_cast<CuGraph>(x); }
CuExec cuda_of(HipExec x) { return reinterpret_cast<CuExec>(x); }
CuAddress address(void* x) { return reinterpret_cast<CuAddress>(x); }
template <class Hip, class Cuda>
Cuda* out(Hip* x) {
  return reinterpret_cast<Cuda*>(x);
}

// The default of the fake driver, 90, is a card of each kind of wavefront; else the number is the name's, in hex.
std::string architecture(HipDevice device) {
  const int number = world().architecture_of(device);
  if (number == 90) return PHYNEXUS_LANES == 64 ? "gfx90a:sramecc+:xnack-" : "gfx1030";
  char text[16];
  std::snprintf(text, sizeof text, "gfx%x", unsigned(number));
  return text;
}

const char* const names[] = {
#define X(name, parameters) #name,
    PHYNEXUS_HIP_FUNCTIONS(X)
#undef X
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// Declared before they are defined, so that a parameter that differs from the table's is an error.
#define X(name, parameters) HipResult name parameters;
PHYNEXUS_HIP_FUNCTIONS(X)
#undef X

// All functions that the engine calls, in turn; null beyond the last.
const char* phynexus_fake_hip_function(int index) {
  return index >= 0 && index < int(std::size(names)) ? names[index] : nullptr;
}

HipResult hipInit(unsigned) {
  ANYWHERE(hipInit);
  return world().devices ? hip_success : hip_invalid_device;
}

HipResult hipRuntimeGetVersion(int* version) {
  ANYWHERE(hipRuntimeGetVersion);
  *version = world().version == 13000 ? 60342134 : world().version;
  return hip_success;
}

// The errors that the engine knows, in turn: 0 beyond the last.
int phynexus_fake_hip_error(int index, const char** name, const char** remedy, int* lost) {
  if (index < 0 || index >= int(std::size(hip_errors))) return 0;
  const HipError& error = hip_errors[index];
  *name = error.name, *remedy = error.remedy, *lost = error.lost;
  return error.number;
}

const char* hipGetErrorName(HipResult error) {
  const HipError* known = find_error(error);
  return known ? known->name : nullptr;
}

const char* hipGetErrorString(HipResult) { return "said by the fake runtime"; }

HipResult hipGetDeviceCount(int* count) {
  ANYWHERE(hipGetDeviceCount);
  *count = world().devices;
  return world().devices ? hip_success : hip_no_device;
}

HipResult hipSetDevice(HipDevice device) {
  ANYWHERE(hipSetDevice);
  if (device < 0 || device >= World::most_devices) return hip_invalid_device;
  device_of_thread = device;
  return hip_success;
}

HipResult hipGetDevice(HipDevice* device) {
  ANYWHERE(hipGetDevice);
  *device = device_of_thread;
  return hip_success;
}

HipResult hipDeviceReset() {
  ANYWHERE(hipDeviceReset);
  return HipResult(cuDevicePrimaryCtxReset_v2(device_of_thread));
}

HipResult hipDeviceGetName(char* name, int room, HipDevice device) {
  ANYWHERE(hipDeviceGetName);
  return HipResult(cuDeviceGetName(name, room, device));
}

HipResult hipDeviceGetAttribute(int* value, HipAttribute attribute, HipDevice) {
  ANYWHERE(hipDeviceGetAttribute);
  switch (attribute) {
    case hip_attribute_multiprocessors: *value = world().multiprocessors; return hip_success;
    case hip_attribute_shared_bytes: *value = world().shared_bytes(64 << 10); return hip_success;
    case hip_attribute_lanes: *value = PHYNEXUS_LANES; return hip_success;
  }
  return hip_invalid_value;
}

HipResult hipGetDevicePropertiesR0600(void* properties, HipDevice device) {
  ANYWHERE(hipGetDevicePropertiesR0600);
  std::strcpy(static_cast<char*>(properties) + hip_architecture_at_r0600, architecture(device).c_str());
  return hip_success;
}

HipResult hipDeviceTotalMem(size_t* bytes, HipDevice device) {
  ANYWHERE(hipDeviceTotalMem);
  return HipResult(cuDeviceTotalMem_v2(bytes, device));
}

HipResult hipMalloc(void** memory, size_t bytes) {
  ON_DEVICE(hipMalloc);
  return HipResult(cuMemAlloc_v2(out<void*, CuAddress>(memory), bytes));
}

HipResult hipFree(void* memory) {
  ON_DEVICE(hipFree);
  return HipResult(cuMemFree_v2(address(memory)));
}

HipResult hipMemGetInfo(size_t* free, size_t* total) {
  ON_DEVICE(hipMemGetInfo);
  return HipResult(cuMemGetInfo_v2(free, total));
}

HipResult hipHostMalloc(void** host, size_t bytes, unsigned flags) {
  ON_DEVICE(hipHostMalloc);
  return HipResult(cuMemHostAlloc(host, bytes, flags));
}

HipResult hipHostFree(void* host) {
  ANYWHERE(hipHostFree);
  return HipResult(cuMemFreeHost(host));
}

HipResult hipHostGetDevicePointer(void** seen, void* host, unsigned flags) {
  ON_DEVICE(hipHostGetDevicePointer);
  return HipResult(cuMemHostGetDevicePointer_v2(out<void*, CuAddress>(seen), host, flags));
}

HipResult hipMemcpyHtoDAsync(void* to, void* from, size_t bytes, HipStream stream) {
  ON_DEVICE(hipMemcpyHtoDAsync);
  return HipResult(cuMemcpyHtoDAsync_v2(address(to), from, bytes, cuda_of(stream)));
}

HipResult hipMemcpyDtoHAsync(void* to, void* from, size_t bytes, HipStream stream) {
  ON_DEVICE(hipMemcpyDtoHAsync);
  return HipResult(cuMemcpyDtoHAsync_v2(to, address(from), bytes, cuda_of(stream)));
}

HipResult hipStreamCreateWithFlags(HipStream* stream, unsigned flags) {
  ON_DEVICE(hipStreamCreateWithFlags);
  return HipResult(cuStreamCreate(out<HipStream, CuStream>(stream), flags));
}

HipResult hipStreamDestroy(HipStream stream) {
  const auto found = captures.find(stream);  // one that has failed goes with its stream
  if (found != captures.end()) {
    cuGraphDestroy(found->second.graph);
    captures.erase(found);
  }
  ANYWHERE(hipStreamDestroy);
  captures.erase(stream);  // of one that did not end
  return HipResult(cuStreamDestroy_v2(cuda_of(stream)));
}

HipResult hipStreamSynchronize(HipStream stream) {
  ON_DEVICE(hipStreamSynchronize);
  return HipResult(cuStreamSynchronize(cuda_of(stream)));
}

HipResult hipStreamWaitEvent(HipStream stream, HipEvent event, unsigned flags) {
  ON_DEVICE(hipStreamWaitEvent);
  return HipResult(cuStreamWaitEvent(cuda_of(stream), cuda_of(event), flags));
}

HipResult hipStreamBeginCapture(HipStream stream, HipCapture) {
  ON_DEVICE(hipStreamBeginCapture);
  if (captures.count(stream)) return hip_invalid_value;
  Capture capture;
  const CuResult result = cuGraphCreate(&capture.graph, 0);
  if (result == cuda_success) captures[stream] = capture;
  return HipResult(result);
}

HipResult hipStreamEndCapture(HipStream stream, HipGraph* graph) {
  ON_DEVICE(hipStreamEndCapture);
  const auto found = captures.find(stream);
  if (found == captures.end()) return hip_invalid_value;
  *graph = reinterpret_cast<HipGraph>(found->second.graph);
  captures.erase(found);
  return hip_success;
}

HipResult hipEventCreateWithFlags(HipEvent* event, unsigned flags) {
  ON_DEVICE(hipEventCreateWithFlags);
  return HipResult(cuEventCreate(out<HipEvent, CuEvent>(event), flags));
}

HipResult hipEventDestroy(HipEvent event) {
  ANYWHERE(hipEventDestroy);
  return HipResult(cuEventDestroy_v2(cuda_of(event)));
}

HipResult hipEventRecord(HipEvent event, HipStream stream) {
  ON_DEVICE(hipEventRecord);
  return HipResult(cuEventRecord(cuda_of(event), cuda_of(stream)));
}

HipResult hipEventQuery(HipEvent event) {
  ON_DEVICE(hipEventQuery);
  return HipResult(cuEventQuery(cuda_of(event)));
}

HipResult hipEventSynchronize(HipEvent event) {
  ON_DEVICE(hipEventSynchronize);
  return HipResult(cuEventSynchronize(cuda_of(event)));
}

HipResult hipEventElapsedTime(float* milliseconds, HipEvent first, HipEvent second) {
  ON_DEVICE(hipEventElapsedTime);
  return HipResult(cuEventElapsedTime(milliseconds, cuda_of(first), cuda_of(second)));
}

HipResult hipModuleLoadData(HipModule* module, const void* image) {
  ON_DEVICE(hipModuleLoadData);
  return HipResult(cuModuleLoadData(out<HipModule, CuModule>(module), image));
}

HipResult hipModuleUnload(HipModule module) {
  ANYWHERE(hipModuleUnload);
  return HipResult(cuModuleUnload(cuda_of(module)));
}

HipResult hipModuleGetFunction(HipFunction* function, HipModule module, const char* name) {
  ON_DEVICE(hipModuleGetFunction);
  const CuResult result = cuModuleGetFunction(out<HipFunction, CuFunction>(function), cuda_of(module), name);
  if (result == cuda_success)
    cuFuncSetAttribute(cuda_of(*function), phynexus::cuda::cuda_function_shared_bytes,
                       world().shared_bytes(64 << 10));
  return HipResult(result);
}

HipResult hipModuleLaunchKernel(HipFunction function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z,
                                unsigned threads_x, unsigned threads_y, unsigned threads_z,
                                unsigned shared_bytes, HipStream stream, void** arguments, void** extra) {
  ON_DEVICE(hipModuleLaunchKernel);
  const auto found = captures.find(stream);
  if (found == captures.end())
    return HipResult(cuLaunchKernel(cuda_of(function), blocks_x, blocks_y, blocks_z, threads_x, threads_y,
                                    threads_z, shared_bytes, cuda_of(stream), arguments, extra));
  Capture& capture = found->second;
  const CuKernelNode launch{cuda_of(function), blocks_x,     blocks_y,  blocks_z, threads_x, threads_y,
                            threads_z,         shared_bytes, arguments, extra,    nullptr,   nullptr};
  CuNode node = nullptr;
  const CuResult result =
      cuGraphAddKernelNode_v2(&node, capture.graph, &capture.last, capture.last ? 1 : 0, &launch);
  if (result == cuda_success) capture.last = node;
  return HipResult(result);
}

HipResult hipGraphInstantiate(HipExec* exec, HipGraph graph, HipNode*, char*, size_t) {
  ON_DEVICE(hipGraphInstantiate);
  return HipResult(cuGraphInstantiateWithFlags(out<HipExec, CuExec>(exec), cuda_of(graph), 0));
}

HipResult hipGraphLaunch(HipExec exec, HipStream stream) {
  ON_DEVICE(hipGraphLaunch);
  return HipResult(cuGraphLaunch(cuda_of(exec), cuda_of(stream)));
}

HipResult hipGraphExecDestroy(HipExec exec) {
  ANYWHERE(hipGraphExecDestroy);
  return HipResult(cuGraphExecDestroy(cuda_of(exec)));
}

HipResult hipGraphDestroy(HipGraph graph) {
  ANYWHERE(hipGraphDestroy);
  return HipResult(cuGraphDestroy(cuda_of(graph)));
}
}
#pragma GCC visibility pop
