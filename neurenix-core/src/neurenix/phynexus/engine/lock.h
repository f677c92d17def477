// The one lock of an engine's short critical sections.
#pragma once

#include <mutex>

namespace phynexus {

// A fork() takes it first and lets go of it on both sides, so that the child finds nothing half done. Whoever holds
// it calls nothing that might take another lock.
std::mutex& engine_lock();

}  // namespace phynexus
