// NVRTC, NVIDIA's compiler at run time, where it is found: opened, never linked.
#pragma once

#include <memory>
#include <string>

#include "gpu/codegen/compiler.h"

namespace phynexus::cuda {

// Null where there is none that serves; `why` says then what was looked for or found. Only the release that this
// library was built with serves: another one has other functions, and so other bits.
std::unique_ptr<gpu::Compiler> find_nvrtc(std::string& why);

}  // namespace phynexus::cuda
