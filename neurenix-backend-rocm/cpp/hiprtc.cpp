// Opens libhiprtc and compiles with it.
#include "hiprtc.h"

#include <dlfcn.h>

#include <cstdlib>

#include "gpu/codegen/library_compiler.h"
#include "gpu/codegen/process_compiler.h"
#include "hip_library.h"

// From ROCm 6 a library of its own; before, it lies in the runtime's. A test's build names another.
#if !defined(PHYNEXUS_HIPRTC)
#define PHYNEXUS_HIPRTC "libhiprtc.so.7", "libhiprtc.so.6", "libamdhip64.so.5"
#endif

namespace phynexus::hip {
namespace {

constexpr const char* names[] = {PHYNEXUS_HIPRTC};

}  // namespace

std::unique_ptr<gpu::Compiler> find_hiprtc(int runtime, std::string& why) {
  void* found = nullptr;
  const char* given = std::getenv("NEURENIX_HIPRTC");
  if (given) found = dlopen(given, RTLD_NOW | RTLD_LOCAL);
  for (const char* name : names)
    if (!found && !given) found = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  const gpu::CompilerLibrary library(found);
  if (!found) {
    why = given ? "NEURENIX_HIPRTC=" + std::string(given) + " cannot be opened" : "libhiprtc is not found";
    return nullptr;
  }
  gpu::CompilerFunctions functions;
  if (!gpu::look_up(found, "hiprtc", "Code", functions)) {
    why = "the libhiprtc that is found lacks functions";
    return nullptr;
  }
  const std::string version = version_text(runtime);
  if (version != PHYNEXUS_HIPCC_RELEASE) {
    why = "hipRTC " + version +
          " is found, and the precompiled kernels are of " PHYNEXUS_HIPCC_RELEASE
          ": its bits would be others";
    return nullptr;
  }
  return std::make_unique<gpu::ProcessCompiler>(
      gpu::VendorCompiler{.name = "hipRTC " + version,
                          .library = gpu::path_of_library(found),
                          .beside = {},
                          .prefix = "hiprtc",
                          .code = "Code",
                          .file = "phynexus.hip",
                          .target = "--offload-arch=",
                          // as hipcc is called for the precompiled kernels: no contraction
                          .options = {"-std=c++20", "-O3", "-ffp-contract=off"}});
}

}  // namespace phynexus::hip
