// Opens libnvrtc and compiles with it.
#include "nvrtc.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

#include "engine/failure.h"

namespace phynexus::cuda {
namespace {

using Program = struct ProgramHandle*;
using Result = int;
constexpr Result success = 0, compilation_failed = 6;

struct Functions {
  Result (*nvrtcVersion)(int*, int*);
  const char* (*nvrtcGetErrorString)(Result);
  Result (*nvrtcCreateProgram)(Program*, const char*, const char*, int, const char* const*,
                               const char* const*);
  Result (*nvrtcDestroyProgram)(Program*);
  Result (*nvrtcCompileProgram)(Program, int, const char* const*);
  Result (*nvrtcGetProgramLogSize)(Program, size_t*);
  Result (*nvrtcGetProgramLog)(Program, char*);
  Result (*nvrtcGetCUBINSize)(Program, size_t*);
  Result (*nvrtcGetCUBIN)(Program, char*);
};

class Nvrtc final : public gpu::Compiler {
 public:
  Nvrtc(const Functions& functions, std::string version) : f_(functions), version_(std::move(version)) {}

  std::string name() const override { return "NVRTC " + version_; }

  std::vector<char> compile(const std::string& text, const std::string& architecture) override {
    Program program = nullptr;
    check("nvrtcCreateProgram",
          f_.nvrtcCreateProgram(&program, text.c_str(), "phynexus.cu", 0, nullptr, nullptr));
    const std::unique_ptr<Program, Result (*)(Program*)> held(&program, f_.nvrtcDestroyProgram);
    // As nvcc is called for the precompiled kernels: no contraction, no fast functions.
    const std::string target = "--gpu-architecture=" + architecture;
    const char* const options[] = {target.c_str(), "--std=c++20", "--fmad=false",
                                   "--device-as-default-execution-space"};
    const Result result = f_.nvrtcCompileProgram(program, int(std::size(options)), options);
    if (result == compilation_failed) throw Failure(PHX_DEVICE_ERROR, name() + ": " + first_error(program));
    check("nvrtcCompileProgram", result);
    size_t bytes = 0;
    check("nvrtcGetCUBINSize", f_.nvrtcGetCUBINSize(program, &bytes));
    std::vector<char> image(bytes);
    check("nvrtcGetCUBIN", f_.nvrtcGetCUBIN(program, image.data()));
    return image;
  }

 private:
  void check(const char* function, Result result) const {
    if (result != success)
      throw Failure(PHX_DEVICE_ERROR,
                    format("%s of %s failed: %s", function, name().c_str(), f_.nvrtcGetErrorString(result)));
  }

  // The line of the log that has the first error.
  std::string first_error(Program program) const {
    size_t bytes = 0;
    if (f_.nvrtcGetProgramLogSize(program, &bytes) != success || !bytes) return "no message";
    std::string log(bytes, 0);
    if (f_.nvrtcGetProgramLog(program, log.data()) != success) return "no message";
    const size_t at = log.find("error"), found = at == std::string::npos ? 0 : at;
    const size_t begin = log.rfind('\n', found);
    const size_t from = begin == std::string::npos ? 0 : begin + 1;
    return log.substr(from, log.find_first_of(std::string("\n\0", 2), found) - from);
  }

  const Functions f_;
  const std::string version_;
};

}  // namespace

std::unique_ptr<gpu::Compiler> find_nvrtc(std::string& why) {
  const char* given = std::getenv("NEURENIX_NVRTC");
  void* library = dlopen(given ? given : PHYNEXUS_NVRTC, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    why =
        given ? "NEURENIX_NVRTC=" + std::string(given) + " cannot be opened" : PHYNEXUS_NVRTC " is not found";
    return nullptr;
  }
  Functions f;
  bool whole = true;
#define LOOK_UP(name) whole &= (f.name = reinterpret_cast<decltype(f.name)>(dlsym(library, #name))) != nullptr
  LOOK_UP(nvrtcVersion);
  LOOK_UP(nvrtcGetErrorString);
  LOOK_UP(nvrtcCreateProgram);
  LOOK_UP(nvrtcDestroyProgram);
  LOOK_UP(nvrtcCompileProgram);
  LOOK_UP(nvrtcGetProgramLogSize);
  LOOK_UP(nvrtcGetProgramLog);
  LOOK_UP(nvrtcGetCUBINSize);
  LOOK_UP(nvrtcGetCUBIN);
#undef LOOK_UP
  int major = 0, minor = 0;
  if (!whole || f.nvrtcVersion(&major, &minor) != success) {
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
  return std::make_unique<Nvrtc>(f, version);
}

}  // namespace phynexus::cuda
