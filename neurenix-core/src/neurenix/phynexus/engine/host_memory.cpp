// Plain aligned memory of the host.
#include "host_memory.h"

#include <cstdlib>

#include "failure.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace phynexus {

char* aligned_take(int64_t bytes) {
  const size_t rounded = (size_t(bytes < 1 ? 1 : bytes) + PHX_ALIGNMENT - 1) / PHX_ALIGNMENT * PHX_ALIGNMENT;
  void* memory = nullptr;
  const bool huge = rounded >= size_t(4) << 20;
  if (bytes > INT64_MAX - 4096 ||
      posix_memalign(&memory, huge ? size_t(2) << 20 : size_t(PHX_ALIGNMENT), rounded))
    throw Failure(PHX_OUT_OF_MEMORY, format("no memory for %lld bytes", static_cast<long long>(bytes)));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (huge) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  return static_cast<char*>(memory);
}

void aligned_give(char* pointer) { std::free(pointer); }

}  // namespace phynexus
