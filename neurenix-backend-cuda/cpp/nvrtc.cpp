// Opens libnvrtc and compiles with it.
#include "nvrtc.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

#include "gpu/codegen/library_compiler.h"
#include "gpu/codegen/process_compiler.h"

namespace phynexus::cuda {
namespace {

// NVRTC opens a library of its own by name alone, which the loader does not find where pip has put both: opened before,
// it is there already. Empty where it does not lie beside NVRTC; the loader then looks for it.
std::string builtins_beside(const std::string& nvrtc, const std::string& version) {
  const std::string path = nvrtc.substr(0, nvrtc.rfind('/') + 1) + "libnvrtc-builtins.so." + version;
  return access(path.c_str(), R_OK) == 0 ? path : "";
}

constexpr const char* how =
    "; pip install \"nvidia-cuda-nvrtc==" PHYNEXUS_NVRTC_RELEASE ".*\" brings the one that fits";

}  // namespace

std::unique_ptr<gpu::Compiler> find_nvrtc(std::string& why) {
  const char* given = std::getenv("NEURENIX_NVRTC");
  const gpu::CompilerLibrary library(dlopen(given ? given : PHYNEXUS_NVRTC, RTLD_NOW | RTLD_LOCAL));
  if (!library.handle) {
    why = (given ? "NEURENIX_NVRTC=" + std::string(given) + " cannot be opened"
                 : PHYNEXUS_NVRTC " is not found") +
          how;
    return nullptr;
  }
  gpu::CompilerFunctions functions;
  int major = 0, minor = 0;
  if (!gpu::look_up(library.handle, "nvrtc", "CUBIN", functions) || functions.version(&major, &minor) != 0) {
    why = "the libnvrtc that is found lacks functions";
    return nullptr;
  }
  const std::string version = std::to_string(major) + "." + std::to_string(minor);
  const std::string own = PHYNEXUS_NVRTC_RELEASE;
  if (version != own) {
    why = "NVRTC " + version + " is found, and the precompiled kernels are of " + own +
          ": its bits would be others" + how;
    return nullptr;
  }
  const std::string path = gpu::path_of_library(library.handle);
  return std::make_unique<gpu::ProcessCompiler>(
      gpu::VendorCompiler{.name = "NVRTC " + version,
                          .library = path,
                          .beside = builtins_beside(path, version),
                          .prefix = "nvrtc",
                          .code = "CUBIN",
                          .file = "phynexus.cu",
                          .target = "--gpu-architecture=",
                          // as nvcc is called for the precompiled kernels: no contraction, no fast functions
                          .options = {"--std=c++20", "--fmad=false", "--device-as-default-execution-space"}});
}

}  // namespace phynexus::cuda
