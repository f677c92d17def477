// The fat binary that nvcc has made, as bytes of this library: cubins, and PTX for cards that come.
#include "code.h"

asm(R"(
.section .nv_fatbin, "a"
.balign 64
phynexus_device_code:
.incbin ")" PHYNEXUS_FATBIN R"("
.balign 8
.previous
)");
extern "C" const char phynexus_device_code[] __attribute__((visibility("hidden")));

namespace phynexus::cuda {

const void* const device_code = phynexus_device_code;
const int32_t block_threads = 256;

}  // namespace phynexus::cuda
