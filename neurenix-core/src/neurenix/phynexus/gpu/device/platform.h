// What differs between CUDA, HIP and the emulator: keywords, the place of a thread, barriers and exchanges between
// lanes. But for conversions of numbers and tensor cores, nothing else in this folder knows which of them compiles it.
//
//   DEVICE void f(...)        a function of the device, inlined; DEVICE_CALL: one that is not
//   KERNEL(name, Arguments)   { ... arguments.program ... }: an entry; `arguments` are passed by value
//   SHARED_MEMORY(name);      char* name: the launch's shared memory, aligned to 16 bytes
//   SHARED_MEMORY_OF_CALLER(name, begin);   the same in a function that is not inlined, to whom its caller gives `begin`,
//                                           which it has by SHARED_MEMORY_FOR_CALLS
//   DEVICE_ALONE              a function that is not inlined, not even in code that is made at run time
//   UNROLL                    before a loop: unrolled in full; UNROLL_BY(n): n turns at a time; ONE_BY_ONE: not at
//                             all; ROLLED: not where its length is read from memory, as code that is made at run time
//                             need not: see PHYNEXUS_MADE_CODE
//   CALLS_HANDLERS            whether a task's kernel calls its handlers, where others have them inlined
//   LANES                     threads that go together: 32 or 64
#pragma once

#include <stdint.h>

#if defined(PHYNEXUS_EMULATED)
#include "../emulator/shim.h"  // defines all of what stands below
#else
#if defined(__HIP__)
#if !defined(__HIPCC_RTC__)
#include <hip/hip_runtime.h>
#endif
// The compiler's own name for it went with ROCm 7.2. The host's side has no __GFX9__, and uses none of it.
#if defined(__GFX9__)
#define LANES 64
#else
#define LANES 32
#endif
#elif defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define LANES 32
#else
#error "a device's source: compile it with nvcc, hipcc, or g++ -DPHYNEXUS_EMULATED"
#endif

#define UNROLL _Pragma("unroll")
#define ONE_BY_ONE _Pragma("unroll 1")
#define PRAGMA(text) _Pragma(#text)
#define UNROLL_BY(count) PRAGMA(unroll count)
#define DEVICE __device__ __forceinline__
#if !defined(__HIP__)
#define DEVICE_ALONE __device__ __noinline__
#define CALLS_HANDLERS 1
// Registers for two blocks a multiprocessor: without the 2, nvcc spills some to have room for more. Code that is made
// at run time has all of a task inlined.
#if defined(PHYNEXUS_MADE_CODE)
#define MOST_THREADS __launch_bounds__(256)
#else
#define MOST_THREADS __launch_bounds__(256, 2)
#endif
#define KERNEL(name, Arguments) \
  extern "C" __global__ void MOST_THREADS name(const __grid_constant__ Arguments arguments)
#else
#define KERNEL(name, Arguments) \
  extern "C" __global__ void __launch_bounds__(256) name(const Arguments arguments)
#if __clang_major__ > 15
#define DEVICE_ALONE __device__ __attribute__((noinline))  // what HIP calls __noinline__ is empty
#define CALLS_HANDLERS 1
#else  // its register allocator does not come to an end where a task's kernel makes calls
#define DEVICE_ALONE __device__
#define CALLS_HANDLERS 0
#endif
#endif
#if defined(PHYNEXUS_MADE_CODE)
#define ROLLED UNROLL
#define DEVICE_CALL DEVICE
#else
#define ROLLED ONE_BY_ONE
#define DEVICE_CALL DEVICE_ALONE
#endif
#define SHARED_MEMORY(name)                              \
  extern __shared__ __align__(16) char shared_memory_[]; \
  char* const name = shared_memory_
#if defined(__HIP__)
// Clang up to 19 finds another place there, since the kernel does not say which it is. It must not see, either, that
// the place is always the same, for then it would put that into the function.
#define SHARED_MEMORY_OF_CALLER(name, begin) char* const name = begin
#define SHARED_MEMORY_FOR_CALLS(name, begin) \
  char* name = begin;                        \
  asm("" : "+v"(name))
#else
// No register, and known to be shared memory.
#define SHARED_MEMORY_OF_CALLER(name, begin) SHARED_MEMORY(name)
#define SHARED_MEMORY_FOR_CALLS(name, begin) char* const name = begin
#endif

namespace phynexus::gpu {
DEVICE int thread_index() { return int(threadIdx.x); }
DEVICE int block_threads() { return int(blockDim.x); }
DEVICE int64_t block_index() { return int64_t(blockIdx.x); }
DEVICE int64_t blocks() { return int64_t(gridDim.x); }
DEVICE void block_barrier() { __syncthreads(); }
// Behind it, this thread's writes to memory have left its multiprocessor; count_up of another thread of its block, behind
// a barrier, counts on that. CDNA's barriers do not wait for other waves' writes, and a fence waits for those of its own.
DEVICE void end_writes() {
#if defined(__GFX9__)
  asm volatile("s_waitcnt vmcnt(0)" ::: "memory");
#endif
}
// Adds 1 and returns what was there. Whoever reads the last number also sees what all blocks had written before theirs,
// once the threads of its block have met; before it they end_writes() and meet.
DEVICE int count_up(int* counter) {
  __threadfence();
  const int before = atomicAdd(counter, 1);
  __threadfence();
  return before;
}
// What lies at an address of the device's memory, not of shared memory. AMD's compilers otherwise read in a way that
// waits for shared memory too.
#if defined(__HIP__)
template <int Bytes>
struct Word;
template <>
struct Word<1> {
  using Type = uint8_t;
};
template <>
struct Word<2> {
  using Type = uint16_t;
};
template <>
struct Word<4> {
  using Type = uint32_t;
};
template <>
struct Word<8> {
  using Type = uint64_t;
};
#endif
template <class T>
DEVICE T value_in_memory(const char* place) {
#if defined(__HIP__)
  using Bits = typename Word<sizeof(T)>::Type;
  const Bits bits = *(const __attribute__((address_space(1))) Bits*)place;
  T x;
  memcpy(static_cast<void*>(&x), &bits, sizeof x);
  return x;
#else
  return *reinterpret_cast<const T*>(place);
#endif
}
// Brings the line of memory at this address near, for who reads it soon.
#if defined(__HIP__)
DEVICE void prefetch(const void* p) { __builtin_prefetch(p); }
#else
DEVICE void prefetch(const void* p) { asm volatile("prefetch.global.L1 [%0];" ::"l"(p)); }
#endif
#if defined(__HIP__)
// As __shfl and its like, which not every hipRTC has.
template <class T>
DEVICE T lane_of(T x, int lane) {
  static_assert(sizeof(T) % sizeof(int) == 0);
  int words[sizeof(T) / sizeof(int)];
  memcpy(words, &x, sizeof x);
  UNROLL
  for (int& word : words) word = __builtin_amdgcn_ds_bpermute(lane << 2, word);
  memcpy(&x, words, sizeof x);
  return x;
}
template <class T>
DEVICE T lane_xor(T x, int distance) {
  return lane_of(x, (thread_index() & (LANES - 1)) ^ distance);
}
template <class T>
DEVICE T lane_down(T x, int distance) {
  const int lane = thread_index() & (LANES - 1);
  return lane_of(x, lane + distance < LANES ? lane + distance : lane);
}
template <class T>
DEVICE T lane_up(T x, int distance) {
  const int lane = thread_index() & (LANES - 1);
  return lane_of(x, lane >= distance ? lane - distance : lane);
}
#else
template <class T>
DEVICE T lane_xor(T x, int distance) {
  return __shfl_xor_sync(0xffffffffu, x, distance);
}
template <class T>
DEVICE T lane_down(T x, int distance) {
  return __shfl_down_sync(0xffffffffu, x, distance);
}
template <class T>
DEVICE T lane_up(T x, int distance) {
  return __shfl_up_sync(0xffffffffu, x, distance);
}
template <class T>
DEVICE T lane_of(T x, int lane) {
  return __shfl_sync(0xffffffffu, x, lane);
}
#endif
}  // namespace phynexus::gpu
#endif
