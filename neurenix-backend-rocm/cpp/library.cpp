// The library of the ROCm engine: how many devices there are, and an engine for one.
#include "code.h"
#include "gpu/driver/named_library.h"
#include "gpu/run/engine.h"
#include "hip_driver.h"
#include "hip_library.h"
#include "hiprtc.h"
#include "rocblas.h"

namespace phynexus {

const Library library = {
    .version = PHYNEXUS_VERSION,
    .device_count = []() -> int32_t { return hip::hip_devices(); },
    .create = [](int32_t device, int32_t) -> std::shared_ptr<Engine> {
      gpu::Binding binding;
      auto driver = std::make_unique<hip::HipDriver>(hip::hip_api(), device);
      binding.image = hip::device_code(driver->facts().architecture);
      binding.threads = hip::block_threads;
      binding.lanes = driver->lanes();
      binding.driver = std::move(driver);
      int runtime = 0;
      hip::hip_api().hipRuntimeGetVersion(&runtime);
      binding.compiler = hip::find_hiprtc(runtime, binding.no_compiler);
      binding.cache = "rocm";
      binding.runs_on = hip::describe_runtime();
      if (hip::has_matrix_cores(binding.driver->facts().architecture)) {
        binding.precisions |= 1u << PHX_PRODUCTS_BFLOAT16;
        binding.library_rounds = false;
        binding.no_products = "NEURENIX_ROCBLAS=0";
      }
      if (gpu::wants_library("NEURENIX_ROCBLAS") && binding.precisions != 1) {
        binding.find_products = [runtime](std::string& why) { return hip::find_rocblas(runtime, why); };
        binding.least_of_library = PHYNEXUS_LEAST_OF_LIBRARY;
      }
      return std::make_shared<gpu::GpuEngine>(std::move(binding));
    },
};

}  // namespace phynexus
