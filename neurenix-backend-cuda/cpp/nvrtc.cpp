// Opens libnvrtc and compiles with it.
#include "nvrtc.h"

#include <dlfcn.h>
#include <link.h>

#include <climits>
#include <cstdlib>
#include <vector>

#include "gpu/codegen/library_compiler.h"

namespace phynexus::cuda {
namespace {

// NVRTC opens a library of its own by name alone, which the loader does not find where pip has put both: opened from
// beside it, it is there already. Where it is not beside it, the loader looks for it when NVRTC does.
void open_builtins(void* nvrtc, const std::string& version) {
  char folder[PATH_MAX];
  if (dlinfo(nvrtc, RTLD_DI_ORIGIN, folder) == 0)
    dlopen((std::string(folder) + "/libnvrtc-builtins.so." + version).c_str(), RTLD_NOW | RTLD_LOCAL);
}

}  // namespace

std::unique_ptr<gpu::Compiler> find_nvrtc(std::string& why) {
  const char* given = std::getenv("NEURENIX_NVRTC");
  void* library = dlopen(given ? given : PHYNEXUS_NVRTC, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    why =
        given ? "NEURENIX_NVRTC=" + std::string(given) + " cannot be opened" : PHYNEXUS_NVRTC " is not found";
    return nullptr;
  }
  gpu::CompilerFunctions functions;
  int major = 0, minor = 0;
  if (!gpu::look_up(library, "nvrtc", "CUBIN", functions) || functions.version(&major, &minor) != 0) {
    why = "the libnvrtc that is found lacks functions";
    return nullptr;
  }
  const std::string version = std::to_string(major) + "." + std::to_string(minor);
  const std::string own = PHYNEXUS_NVRTC_RELEASE;
  if (version != own) {
    why = "NVRTC " + version + " is found, and the precompiled kernels are of " + own +
          ": its bits would be others";
    return nullptr;
  }
  open_builtins(library, version);
  // As nvcc is called for the precompiled kernels: no contraction, no fast functions.
  return std::make_unique<gpu::LibraryCompiler>(
      functions, "NVRTC " + version, "--gpu-architecture=", "phynexus.cu",
      std::vector<std::string>{"--std=c++20", "--fmad=false", "--device-as-default-execution-space"});
}

}  // namespace phynexus::cuda
