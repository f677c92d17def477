// What the fake driver takes for code: its own kernels.
#include "code.h"

namespace phynexus::cuda {

const void* const device_code = "phynexus-emulated:";
const int32_t block_threads = 64;

}  // namespace phynexus::cuda
