// A block's threads as fibers of one thread of the host: they run in turn, each until it meets a barrier.
//
// fibers.cpp has the functions. Several threads of the host may launch at once, each has fibers of its own.
#pragma once

#include <stdint.h>

namespace phynexus::emulator {

// Of the fiber that runs now.
int thread_index();
int block_threads();
int64_t block_index();
int64_t blocks();
char* shared_memory();
// Returns when all threads of the block have come; each thread must come as often as the others.
void block_barrier();
// Every lane of a group of `lanes` neighbours gives its bits; returns those of lane `from`.
uint64_t exchange(uint64_t bits, int from, int lanes);

// For tests. `schedule`: 0: threads run in order, 1: backwards, 2: mixed; what is right gives the same bits in all.
// `missing_barrier`: block_barrier() does nothing when a thread calls it for the n-th time, from 0; -1: none is
// missing.
struct Options {
  int schedule = 0;
  int64_t missing_barrier = -1;
};
Options& options();  // of the process; not to be changed while something runs

// The most that a block may ask for.
inline constexpr int most_threads = 1024;
inline constexpr int64_t most_shared_bytes = 227 << 10;

}  // namespace phynexus::emulator

// For tests that have the emulator as a library: sets the options.
extern "C" __attribute__((visibility("default"))) void phynexus_emulator_options(int32_t schedule,
                                                                                 int64_t missing_barrier);
