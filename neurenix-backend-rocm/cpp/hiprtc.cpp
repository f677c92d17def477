// Opens libhiprtc and compiles with it.
#include "hiprtc.h"

#include <dlfcn.h>

#include <cstdio>
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
constexpr const char* own = PHYNEXUS_HIPCC_RELEASE;

// Every hiprtcVersion says 9.0. Its file's name has the release, as libhiprtc.so.6.3.60301 does; where that has not all
// of it, hipRTC is taken for the runtime's.
std::string release_of(const std::string& path, const std::string& runtime) {
  const std::unique_ptr<char, void (*)(void*)> resolved(realpath(path.c_str(), nullptr), std::free);
  const std::string file = resolved ? resolved.get() : path;
  const size_t end = file.rfind(".so.");
  int major = 0, minor = 0;
  const int numbers =
      end == std::string::npos ? 0 : std::sscanf(file.c_str() + end, ".so.%d.%d", &major, &minor);
  if (numbers == 2) return std::to_string(major) + "." + std::to_string(minor);
  if (numbers == 1 && major != std::atoi(runtime.c_str())) return std::to_string(major);
  return runtime;
}

}  // namespace

std::unique_ptr<gpu::Compiler> find_hiprtc(int runtime, std::string& why) {
  if (*own < '0' || *own > '9') {  // a clang's name
    why = std::string(own) +
          " has made them, and hipRTC's bits would be others; a library by a hipcc whose " +
          "own clang is 16 or newer makes code";
    return nullptr;
  }
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
  const std::string path = gpu::path_of_library(found);
  const std::string version = release_of(path, version_text(runtime));
  if (version != own) {
    why = "hipRTC " + version + " is found, and the precompiled kernels are of " + own +
          ": its bits would be others";
    return nullptr;
  }
  return std::make_unique<gpu::ProcessCompiler>(
      gpu::VendorCompiler{.name = "hipRTC " + version,
                          .library = path,
                          .beside = {},
                          .prefix = "hiprtc",
                          .code = "Code",
                          .file = "phynexus.hip",
                          .target = "--offload-arch=",
                          // as hipcc is called for the precompiled kernels: no contraction
                          .options = {"-std=c++20", "-O3", "-ffp-contract=off"}});
}

}  // namespace phynexus::hip
