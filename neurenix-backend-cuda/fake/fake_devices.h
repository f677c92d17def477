// The state of the fake driver: devices, their memory, and what tests want to go wrong.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "cuda_api.h"

namespace phynexus::fake {

using namespace phynexus::cuda;

struct Device {
  int index = 0;
  int retained = 0;               // of the primary context
  int64_t used = 0;               // bytes
  CuResult error = cuda_success;  // of the context: every call answers it until the context is reset
  std::string why;                // of that error, in the emulator's words
  std::map<CuAddress, size_t> memory;
  std::set<void*> pinned;  // the host's
  int architecture = 0;    // 0: that of all
  int queued = 0;          // kernels and copies in its streams that have not ended
};

struct Fault {
  int64_t in = 0;  // calls, or kernels; 0: none
  CuResult code = cuda_success;
};

// All of it behind one lock. Never destroyed: streams' threads may outlive main().
struct World {
  std::mutex mutex;
  std::condition_variable changed;  // some work has ended
  int devices = 1, version = 13000, architecture = 90;
  int multiprocessors = 4;
  int shared = 0;  // bytes that a block may have; 0: as many as is usual
  int shared_bytes(int usual) const { return shared ? shared : usual; }
  int architecture_of(int device) const {
    return all[device].architecture ? all[device].architecture : architecture;
  }
  int64_t memory = int64_t(2) << 30;
  bool gone = false, backwards = false, stays = false;
  int64_t slow = 0;
  std::map<std::string, Fault> faults;
  std::map<std::string, int64_t> calls;
  Fault kernel_fault;
  static constexpr int most_devices = 8;
  Device all[most_devices];
};
World& world();

// Counts a call, and answers what a test wants it to; else, where `context`, the error of the current device.
CuResult begin(const char* function, bool context);
// The device of this thread's current context; null: there is none.
Device* current();
bool loses_device(CuResult code);

}  // namespace phynexus::fake
