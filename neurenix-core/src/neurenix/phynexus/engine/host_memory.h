// Plain aligned memory of the host: constants of plans, arenas, the allocator's blocks.
#pragma once

#include <cstdint>

namespace phynexus {

// Aligned to PHX_ALIGNMENT; in huge pages where it is large. Throws Failure.
char* aligned_take(int64_t bytes);
void aligned_give(char* pointer);

}  // namespace phynexus
