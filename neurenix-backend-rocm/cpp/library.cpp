// The library of the ROCm engine: how many devices there are, and an engine for one.
#include "code.h"
#include "gpu/run/engine.h"
#include "hip_driver.h"
#include "hip_library.h"
#include "hiprtc.h"

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
      return std::make_shared<gpu::GpuEngine>(std::move(binding));
    },
};

}  // namespace phynexus
