// The library of the CUDA engine: how many devices there are, and an engine for one.
#include "code.h"
#include "cublas.h"
#include "cuda_driver.h"
#include "cuda_library.h"
#include "gpu/run/engine.h"
#include "nvrtc.h"

namespace phynexus {

const Library library = {
    .version = PHYNEXUS_VERSION,
    .device_count = []() -> int32_t { return cuda::cuda_devices(); },
    .create = [](int32_t device, int32_t) -> std::shared_ptr<Engine> {
      gpu::Binding binding;
      binding.driver = std::make_unique<cuda::CudaDriver>(cuda::cuda_api(), device);
      binding.image = cuda::device_code;
      binding.threads = cuda::block_threads;
      binding.compiler = cuda::find_nvrtc(binding.no_compiler);
      binding.cache = "cuda";
      binding.runs_on = cuda::describe_driver();
      binding.precisions = 1u << PHX_PRODUCTS_FLOAT32 | 1u << PHX_PRODUCTS_TF32 | 1u << PHX_PRODUCTS_BFLOAT16;
      binding.tensor_cores = true;
      binding.no_products = "NEURENIX_CUBLAS=0";
      if (cuda::wants_cublas()) {
        binding.find_products = cuda::find_cublas;
        binding.least_of_library = PHYNEXUS_LEAST_OF_LIBRARY;
      }
      return std::make_shared<gpu::GpuEngine>(std::move(binding));
    },
};

}  // namespace phynexus
