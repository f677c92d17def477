// The engine: threads, memory, and the kernels for this machine.
#pragma once

#include <phynexus.h>

#include <atomic>
#include <memory>

#include "kernels/contract/contract.h"
#include "kernels/runtime_kernels.h"
#include "memory/allocator.h"
#include "memory/arena.h"
#include "threads/thread_pool.h"

namespace phynexus {

struct InstructionSet {
  const char* name;
  const RuntimeKernels* runtime;
  const ContractKernels* contract;
  bool writes_code = false;  // the instructions of code/assembler.h are among them
};

// The best that the processor has, or a lower one that NEURENIX_CPU_ISA names.
InstructionSet choose_instruction_set();

struct Engine {
  explicit Engine(int threads) : pool(threads), instructions(choose_instruction_set()) {}
  ThreadPool pool;
  Allocator allocator;
  ArenaPool arenas{pool};
  InstructionSet instructions;
  std::atomic<int64_t> runs{0};
  std::atomic<bool> profiling{false};
};

int threads_for(int32_t wish);
void describe(const Engine& engine, phx_capabilities& out);

}  // namespace phynexus

// Executables keep the engine alive, in whatever order the two are let go.
struct phx_engine {
  std::shared_ptr<phynexus::Engine> engine;
};
