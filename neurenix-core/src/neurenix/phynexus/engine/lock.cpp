// Makes the lock, and sees to it that a fork() holds it.
#include "lock.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace phynexus {

std::mutex& engine_lock() {
  // Never destroyed: fork handlers may run after exit has begun.
  static std::mutex* lock = [] {
    std::mutex* made = new std::mutex;
#if !defined(_WIN32)
    pthread_atfork([] { engine_lock().lock(); }, [] { engine_lock().unlock(); },
                   [] { engine_lock().unlock(); });
#endif
    return made;
  }();
  return *lock;
}

}  // namespace phynexus
