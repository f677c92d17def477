// Opens the HIP runtime, compares versions, and says what its numbers mean.
#include "hip_library.h"

#include <dlfcn.h>

#include <mutex>
#include <string>

#include "gpu/driver/driver.h"

// The newest first. A test's build names another.
#if !defined(PHYNEXUS_HIP_RUNTIMES)
#define PHYNEXUS_HIP_RUNTIMES "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so"
#endif

namespace phynexus::hip {
namespace {

[[noreturn]] void absent(const std::string& why) { throw Failure(PHX_INVALID_ARGUMENT, why); }
[[noreturn]] void broken(const std::string& why) { throw Failure(PHX_DEVICE_ERROR, why); }

void* opened() {
  std::string missing, wrong;
  for (const char* name : {PHYNEXUS_HIP_RUNTIMES}) {
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
    const std::string why = dlerror();
    // What is not there begins with its own name; where it is there, the loader names what it lacks.
    const bool gone = why.rfind(std::string(name) + ": cannot open shared object file: No such", 0) == 0;
    if (!gone && wrong.empty()) wrong = why;
    missing += (missing.empty() ? "" : ", ") + std::string(name);
  }
  if (!wrong.empty())
    broken("the HIP runtime cannot be opened: " + wrong +
           "; parts of several ROCm releases are mixed: install one release, and take the others' folders "
           "out of "
           "LD_LIBRARY_PATH");
  absent("no HIP runtime (" + missing + " are not there)");
}

const HipApi& found(HipApi& api) {
  void* library = opened();
  const auto look_up = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    return function != nullptr;
  };
  int version = 0;
  if (look_up("hipRuntimeGetVersion", api.hipRuntimeGetVersion)) api.hipRuntimeGetVersion(&version);
  if (version < PHYNEXUS_HIP_OLDEST)
    broken("the HIP runtime is too old: it is " + version_text(version) + ", and this library needs " +
           version_text(PHYNEXUS_HIP_OLDEST) + " or newer; upgrade ROCm");
#define X(name, parameters) \
  if (!look_up(#name, api.name)) broken("the HIP runtime lacks the function " #name "; install ROCm again");
  PHYNEXUS_HIP_FUNCTIONS(X)
  X(hipGetErrorName, )
  X(hipGetErrorString, )
#undef X
  if (look_up("hipGetDevicePropertiesR0600", api.hipGetDeviceProperties))
    api.architecture_at = hip_architecture_at_r0600;
  else if (look_up("hipGetDeviceProperties", api.hipGetDeviceProperties))
    api.architecture_at = hip_architecture_at_r0000;
  else broken("the HIP runtime lacks the function hipGetDeviceProperties; install ROCm again");
  const HipResult result = api.hipInit(0);
  // ROCm 5 answers with the second where there is none.
  if (result == hip_no_device || result == hip_invalid_device)
    absent(format("no AMD GPU (hipInit gives %s)", api.hipGetErrorName(result)));
  check(api, "hipInit", result);
  return api;
}

// The context that the handles belong to is gone.
bool is_reset(HipResult result) {
  return result == hip_deinitialized || result == hip_invalid_context || result == hip_context_is_destroyed;
}

}  // namespace

// 50221153 and 60342134 are 5.2 and 6.3.
std::string version_text(int version) {
  return std::to_string(version / 10000000) + "." + std::to_string(version / 100000 % 100);
}

const HipApi& hip_api() {
  static HipApi api;
  static std::mutex mutex;
  static const HipApi* ready = nullptr;
  std::lock_guard lock(mutex);
  if (!ready) ready = &found(api);
  return *ready;
}

std::string describe_runtime() {
  const HipApi& api = hip_api();
  int version = 0;
  check(api, "hipRuntimeGetVersion", api.hipRuntimeGetVersion(&version));
  Dl_info found{};
  const bool known = dladdr(reinterpret_cast<void*>(api.hipInit), &found) && found.dli_fname;
  return "HIP runtime of ROCm " + version_text(version) + (known ? format(" (%s)", found.dli_fname) : "");
}

int hip_devices() {
  const HipApi& api = hip_api();
  int count = 0;
  const HipResult result = api.hipGetDeviceCount(&count);
  if (result == hip_no_device || (result == hip_success && count < 1))
    absent("no AMD GPU (the runtime counts none)");
  check(api, "hipGetDeviceCount", result);
  return count;
}

void fail(const HipApi& api, const char* function, HipResult result) {
  const HipError* known = find_error(result);
  const char *name = api.hipGetErrorName(result), *text = api.hipGetErrorString(result);
  if (!name) name = known ? known->name : "an unknown error";
  std::string message = format("%s failed: %s (%d), %s", function, name, int(result),
                               text ? text : "of which the runtime says nothing");
  if (known && *known->remedy) message += std::string("; ") + known->remedy;
  throw gpu::DriverFailure(result == hip_out_of_memory ? PHX_OUT_OF_MEMORY : PHX_DEVICE_ERROR, message,
                           known && known->lost, is_reset(result));
}

}  // namespace phynexus::hip
