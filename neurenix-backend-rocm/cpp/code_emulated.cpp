// What the fake runtime takes for code: its own kernels.
#include "code.h"

namespace phynexus::hip {

const void* device_code(const std::string&) { return "phynexus-emulated:"; }
const int32_t block_threads = 64;

}  // namespace phynexus::hip
