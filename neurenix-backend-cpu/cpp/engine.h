// The engine of a CPU: threads, memory, and the kernels for this machine.
#pragma once

#include <memory>
#include <optional>

#include "codegen/x86/extension.h"
#include "engine/engine.h"
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
  std::optional<x86::Extension> written = {};  // what code of its own is written for, if any is
};

// The best that the processor has, or a lower one that NEURENIX_CPU_ISA names.
InstructionSet choose_instruction_set();

struct CpuEngine final : Engine {
  explicit CpuEngine(int threads) : pool(threads), instructions(choose_instruction_set()) {}

  void describe(phx_capabilities& out) const override;
  void set_threads(int32_t threads) override;
  void* allocate(int64_t bytes) override { return allocator.take(bytes); }
  void release(void* pointer) override { allocator.give(pointer); }
  void upload(void* device, const void* host, int64_t bytes) override;
  void download(void* host, const void* device, int64_t bytes) override;
  void memory_stats(phx_memory_stats& out) const override;
  std::unique_ptr<Executable> compile(std::unique_ptr<const Plan> plan) override;

  ThreadPool pool;
  Allocator allocator;
  ArenaPool arenas{pool};
  InstructionSet instructions;
};

}  // namespace phynexus
