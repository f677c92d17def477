// Opens libcuda, compares versions, and says what its numbers mean.
#include "cuda_library.h"

#include <dlfcn.h>

#include <mutex>
#include <string>

#include "gpu/driver/driver.h"

#if !defined(PHYNEXUS_CUDA_DRIVER)
#define PHYNEXUS_CUDA_DRIVER "libcuda.so.1"
#endif

namespace phynexus::cuda {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

[[noreturn]] void absent(const std::string& why) { throw Failure(PHX_INVALID_ARGUMENT, why); }
[[noreturn]] void broken(const std::string& why) { throw Failure(PHX_DEVICE_ERROR, why); }

const CudaApi& found(CudaApi& api) {
  void* library = dlopen(PHYNEXUS_CUDA_DRIVER, RTLD_NOW | RTLD_LOCAL);
  if (!library) absent("no NVIDIA driver (" PHYNEXUS_CUDA_DRIVER " is not there)");
  const auto look_up = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    return function != nullptr;
  };
  int version = 0;
  if (look_up("cuDriverGetVersion", api.cuDriverGetVersion)) api.cuDriverGetVersion(&version);
  if (version < PHYNEXUS_CUDA_VERSION)
    broken("the NVIDIA driver is too old: it knows CUDA " + version_text(version) +
           ", and this library needs " + version_text(PHYNEXUS_CUDA_VERSION) +
           " or newer; upgrade the driver");
#define X(name, parameters) \
  if (!look_up(#name, api.name)) broken("the NVIDIA driver lacks the function " #name "; install it again");
  PHYNEXUS_CUDA_FUNCTIONS(X)
#undef X
  const CuResult result = api.cuInit(0);
  if (result == cuda_no_device) absent("no NVIDIA GPU (cuInit finds no device)");
  check(api, "cuInit", result);
  return api;
}

}  // namespace

bool is_loss(CuResult result) {
  const CudaError* known = find_error(result);
  return known && known->lost;
}

// The context that the handles belong to is gone.
bool is_reset(CuResult result) {
  return result == cuda_deinitialized || result == cuda_invalid_context ||
         result == cuda_context_is_destroyed;
}

const CudaApi& cuda_api() {
  static CudaApi api;
  static std::mutex mutex;
  static const CudaApi* ready = nullptr;
  std::lock_guard lock(mutex);
  if (!ready) ready = &found(api);
  return *ready;
}

std::string describe_driver() {
  const CudaApi& api = cuda_api();
  int version = 0;
  check(api, "cuDriverGetVersion", api.cuDriverGetVersion(&version));
  return "driver for CUDA " + version_text(version);
}

int cuda_devices() {
  const CudaApi& api = cuda_api();
  int count = 0;
  check(api, "cuDeviceGetCount", api.cuDeviceGetCount(&count));
  if (count < 1) absent("no NVIDIA GPU (the driver counts none)");
  return count;
}

void fail(const CudaApi& api, const char* function, CuResult result) {
  const CudaError* known = find_error(result);
  const char *name = nullptr, *text = nullptr;
  api.cuGetErrorName(result, &name);
  api.cuGetErrorString(result, &text);
  if (!name) name = known ? known->name : "an unknown error";
  std::string message = format("%s failed: %s (%d), %s", function, name, int(result),
                               text ? text : "of which the driver says nothing");
  if (known && *known->remedy) message += std::string("; ") + known->remedy;
  throw gpu::DriverFailure(result == cuda_out_of_memory ? PHX_OUT_OF_MEMORY : PHX_DEVICE_ERROR, message,
                           is_loss(result), is_reset(result));
}

}  // namespace phynexus::cuda
