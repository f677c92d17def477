// Kernels that g++ has compiled, and what runs their blocks: for the fake driver, and for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace phynexus::emulator {

// A kernel takes one struct by value.
struct Kernel {
  const char* name;
  void (*run)(const void* argument);  // one thread's whole work; called on a fiber
  size_t argument_bytes;
};

// Runs all blocks, one after the other, and returns. From any thread, several at once. Returns why it could not:
// threads that wait for each other at different barriers, or numbers beyond what a device has; empty where all went
// well. Shared memory begins full of NaN.
std::string launch(const Kernel& kernel, const void* argument, int64_t blocks, int threads,
                   int64_t shared_bytes);

// Of the device's code that is linked with this; null: there is none of that name. A library that is compiled at run
// time exports the same: extern "C" const phynexus::emulator::Kernel* phynexus_emulated_kernel(const char* name).
const Kernel* find_kernel(const char* name);

// For tests: from where in its code the device calls block_barrier(), and one such place where it does nothing.
struct BarrierSites {
  bool are_noted = false;
  std::vector<const void*> all;  // that were noted, each once
  const void* missing = nullptr;
};
BarrierSites& barrier_sites();  // of the process

}  // namespace phynexus::emulator
