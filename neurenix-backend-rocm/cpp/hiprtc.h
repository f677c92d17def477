// hipRTC, AMD's compiler at run time, where it is found: opened, never linked.
#pragma once

#include <memory>
#include <string>

#include "gpu/codegen/compiler.h"

namespace phynexus::hip {

// Null where there is none that serves; `why` says then what was looked for or found. Only the release whose hipcc has
// built this library serves: another one has other functions, and so other bits. `runtime`: the version that the HIP
// runtime says, since hipRTC does not know its own.
std::unique_ptr<gpu::Compiler> find_hiprtc(int runtime, std::string& why);

}  // namespace phynexus::hip
