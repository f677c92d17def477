// The device's language for g++: what platform.h promises, over the fibers of fibers.h.
#pragma once

#include <math.h>
#include <string.h>

#include "fibers.h"

#if !defined(PHYNEXUS_LANES)
#define PHYNEXUS_LANES 32
#endif
#define LANES PHYNEXUS_LANES

#define UNROLL
#define ROLLED
#define ONE_BY_ONE
#define UNROLL_BY(count)
#define CALLS_HANDLERS 0
#define DEVICE inline
#define DEVICE_CALL inline __attribute__((noinline))
#define DEVICE_ALONE inline __attribute__((noinline))
// A reference is a pointer in C: so every entry is also a void(const void*).
#define KERNEL(name, Arguments) \
  extern "C" __attribute__((visibility("default"))) void name(const Arguments& arguments)
#define SHARED_MEMORY(name) char* const name = ::phynexus::emulator::shared_memory()
#define SHARED_MEMORY_OF_CALLER(name, begin) char* const name = begin
#define SHARED_MEMORY_FOR_CALLS(name, begin) char* const name = begin

namespace phynexus::gpu {

DEVICE int thread_index() { return emulator::thread_index(); }
DEVICE int block_threads() { return emulator::block_threads(); }
DEVICE int64_t block_index() { return emulator::block_index(); }
DEVICE int64_t blocks() { return emulator::blocks(); }
DEVICE void prefetch(const void*) {}
template <class T>
DEVICE T value_in_memory(const char* place) {
  return *reinterpret_cast<const T*>(place);
}
DEVICE void end_writes() {}
DEVICE int count_up(int* counter) { return __atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL); }
DEVICE void block_barrier() { emulator::block_barrier(); }

template <class T>
DEVICE T lane_of(T x, int lane) {
  static_assert(sizeof(T) <= 8);
  uint64_t bits = 0;
  memcpy(&bits, &x, sizeof x);
  bits = emulator::exchange(bits, lane & (LANES - 1), LANES);
  memcpy(&x, &bits, sizeof x);
  return x;
}
template <class T>
DEVICE T lane_xor(T x, int distance) {
  return lane_of(x, (thread_index() & (LANES - 1)) ^ distance);
}
// Beyond the last lane, or the first one, a lane has its own value back.
template <class T>
DEVICE T lane_down(T x, int distance) {
  const int lane = thread_index() & (LANES - 1), other = lane + distance;
  return lane_of(x, other < LANES ? other : lane);
}
template <class T>
DEVICE T lane_up(T x, int distance) {
  const int lane = thread_index() & (LANES - 1), other = lane - distance;
  return lane_of(x, other >= 0 ? other : lane);
}

}  // namespace phynexus::gpu
