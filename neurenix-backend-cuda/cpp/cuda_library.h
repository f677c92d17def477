// libcuda, opened when it is first asked for: the table of its functions, or why there is none.
#pragma once

#include <string>

#include "cuda_api.h"

namespace phynexus::cuda {

// Initialised, and not older than what this library was built with. Throws Failure: PHX_INVALID_ARGUMENT where there
// is no driver or no device, PHX_DEVICE_ERROR where the driver does not do. Once it has worked it always does.
const CudaApi& cuda_api();

// "driver for CUDA 13.0"
std::string describe_driver();

// At least 1. Throws as cuda_api().
int cuda_devices();

// "cuMemAlloc_v2 failed: CUDA_ERROR_UNKNOWN (999), unknown error"
[[noreturn]] void fail(const CudaApi& api, const char* function, CuResult result);

// Whether an answer means that the device's context, and all that lay in it, is gone.
bool is_loss(CuResult result);

inline void check(const CudaApi& api, const char* function, CuResult result) {
  if (result != cuda_success) [[unlikely]]
    fail(api, function, result);
}

}  // namespace phynexus::cuda
