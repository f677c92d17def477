// A fused chain as source text: its code as calls with constants.
#pragma once

#include <string>

#include "../device/elementwise/code.h"

namespace phynexus::gpu {

// Whether a handler of this number runs a chain.
bool is_chain(int handler);

// The body of a function of (bases, tile, group) that runs it, and in `types` what must stand before that function.
std::string write_chain(const FusedParams& params, const char* program, bool wide, std::string& types);

// "1,2,255": bytes as numbers.
std::string bytes_text(const void* bytes, size_t count);

}  // namespace phynexus::gpu
