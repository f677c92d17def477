// The HIP runtime, opened when it is first asked for: the table of its functions, or why there is none.
#pragma once

#include <string>

#include "hip_api.h"

namespace phynexus::hip {

// Initialised, and of a version that this library works with. Throws Failure: PHX_INVALID_ARGUMENT where there is no
// runtime or no device, PHX_DEVICE_ERROR where the runtime does not do. Once it has worked it always does.
const HipApi& hip_api();

// "5.2" of the runtime's number.
std::string version_text(int version);

// "HIP runtime of ROCm 6.3 (/opt/rocm/lib/libamdhip64.so.6)"
std::string describe_runtime();

// At least 1. Throws as hip_api().
int hip_devices();

// "hipMalloc failed: hipErrorUnknown (999), unknown error; `dmesg` says what the kernel's driver met"
[[noreturn]] void fail(const HipApi& api, const char* function, HipResult result);

inline void check(const HipApi& api, const char* function, HipResult result) {
  if (result != hip_success) [[unlikely]]
    fail(api, function, result);
}

}  // namespace phynexus::hip
