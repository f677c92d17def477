// The objects that hipcc has made, one for each architecture, as bytes of this library.
#include "code.h"

// X(architecture, file)
#define X(architecture, file)                                                                      \
  asm(".section .hip_code, \"a\"\n.balign 4096\nphynexus_code_" #architecture ":\n.incbin \"" file \
      "\"\n.previous\n");                                                                          \
  extern "C" const char phynexus_code_##architecture[] __attribute__((visibility("hidden")));
#include "code_table.inc"
#undef X

namespace phynexus::hip {

const void* device_code(const std::string& architecture) {
#define X(name, file) \
  if (architecture == #name) return phynexus_code_##name;
#include "code_table.inc"
#undef X
  return nullptr;
}

const int32_t block_threads = 256;

}  // namespace phynexus::hip
