// Writes the code of a plan that is made at run time, and compiles text, both without a device: for tests of the
// compiler, in the emulated library only.
#include <algorithm>
#include <cstring>
#include <string>

#include "engine/failure.h"
#include "gpu/codegen/source.h"
#include "nvrtc.h"

namespace phynexus {

using namespace gpu;

// For a card with `threads` in a block; the first `state` outputs take the place of as many inputs. Empty: no code is
// made of this plan. Valid until this thread's next call; "error" and why, where the plan cannot be lowered.
extern "C" __attribute__((visibility("default"))) const char* phynexus_made_source(const phx_plan* source,
                                                                                   int32_t state) {
  static thread_local std::string text;
  try {
    Plan plan;
    decode(*source, plan);
    validate(plan);
    Target target;
    target.multiprocessors = 132;
    target.shared_bytes = 227 << 10;
    std::vector<int32_t> aliases(size_t(plan.whole_program().outputs), -1);
    for (int32_t k = 0; k < state; k++) aliases[size_t(k)] = k;
    text = write_source(lower_plan(plan, target, &aliases)).text;
  } catch (const std::exception& failure) {
    text = std::string("error ") + failure.what();
  }
  return text.c_str();
}

// By NVRTC, as the engine calls it. The bytes of the image, which is written where it has room; -1: `image` says why
// not.
extern "C" __attribute__((visibility("default"))) int64_t phynexus_compile(const char* text,
                                                                           const char* architecture,
                                                                           char* image, int64_t room) {
  std::string why;
  try {
    if (const auto compiler = cuda::find_nvrtc(why)) {
      const std::vector<char> made = compiler->compile(text, architecture);
      if (int64_t(made.size()) <= room) std::memcpy(image, made.data(), made.size());
      return int64_t(made.size());
    }
  } catch (const std::exception& failure) {
    why = failure.what();
  }
  const size_t most = std::min(why.size(), size_t(room) - 1);
  std::memcpy(image, why.data(), most);
  image[most] = 0;
  return -1;
}

}  // namespace phynexus
