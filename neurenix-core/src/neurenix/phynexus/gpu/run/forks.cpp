// Counts forks.
#include "forks.h"

#include <atomic>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace phynexus::gpu {

int forks() {
  static std::atomic<int> count{0};
#if !defined(_WIN32)
  static const int watched = pthread_atfork(nullptr, nullptr, [] { count++; });
  (void)watched;
#endif
  return count.load(std::memory_order_relaxed);
}

}  // namespace phynexus::gpu
