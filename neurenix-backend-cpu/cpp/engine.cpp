// Describes the CPU to core, and creates its threads, its memory and its executables.
#include "engine.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/failure.h"
#include "executable.h"
#include "gaps.h"
#include "threads/available_threads.h"

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace phynexus {
namespace {

int threads_for(int32_t wish) { return wish > 0 ? wish : available_threads(); }

}  // namespace

const Library library = {
    .version = PHYNEXUS_VERSION,
    .device_count = [] { return 1; },
    .create = [](int32_t, int32_t threads) -> std::shared_ptr<Engine> {
      return std::make_shared<CpuEngine>(threads_for(threads));
    },
};

InstructionSet choose_instruction_set() {
  const InstructionSet plain{"portable", &portable::runtime_kernels, &portable::contract_kernels};
#if defined(PHYNEXUS_X86_KERNELS)
  const char* named = std::getenv("NEURENIX_CPU_ISA");
  const std::string wish = named ? named : "";
  if (!wish.empty() && wish != "portable" && wish != "avx2" && wish != "avx512")
    refuse("NEURENIX_CPU_ISA is '" + wish + "'; it can be portable, avx2 or avx512");
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (has_avx512 && (wish.empty() || wish == "avx512"))
    return {"avx512", &avx512::runtime_kernels, &avx512::contract_kernels, x86::Extension::avx512};
  if (has_avx2 && wish != "portable")
    return {"avx2", &avx2::runtime_kernels, &avx2::contract_kernels, x86::Extension::avx2};
#endif
  return plain;
}

// The plans that run best here: registers of a fused step are blocks in the first-level cache, products read rows of
// weights, convolutions vectors of channels.
static void describe_plans(phx_capabilities& out) {
  out.fused_operations = 64;
  out.fused_inputs = 24;
  out.axes = PHX_MAX_RANK;
  out.convolution_layout = 1;
  out.product_rows = 64;
  const struct {
    int64_t bytes;
    double cost;
  } levels[PHX_READING_LEVELS] = {{4 << 20, 8.0}, {512 << 10, 4.0}, {32 << 10, 1.5}, {0, 0.5}};  // caches
  for (int k = 0; k < PHX_READING_LEVELS; k++)
    out.reading_bytes[k] = levels[k].bytes, out.reading_costs[k] = levels[k].cost;
}

void CpuEngine::describe(phx_capabilities& out) const {
  for (const int dtype : {PHX_FLOAT32, PHX_FLOAT64, PHX_INT32, PHX_INT64, PHX_UINT8, PHX_UINT32, PHX_BOOL})
    out.dtypes |= 1u << dtype;
  for (const auto& [first, last] : {std::pair{PHX_NEG, PHX_INTEGER_POW},
                                    {PHX_ADD, PHX_ATAN2},
                                    {PHX_EQUAL, PHX_GREATER_EQUAL},
                                    {PHX_BITWISE_AND, PHX_SHIFT_RIGHT},
                                    {PHX_WHERE, PHX_WHERE},
                                    {PHX_SUM, PHX_CUMSUM},
                                    {PHX_DOT_GENERAL, PHX_CONV_WEIGHT_GRADIENT},
                                    {PHX_COPY, PHX_COPY},
                                    {PHX_GATHER, PHX_SORT},
                                    {PHX_IOTA, PHX_RANDOM_BITS},
                                    {PHX_CALL, PHX_MAP},
                                    {PHX_FUSED, PHX_FUSED},
                                    {PHX_CHOLESKY, PHX_LU}})
    std::fill(out.opcodes + first, out.opcodes + last + 1, uint8_t(1));
  out.opcodes[PHX_FUSED] = PHX_FUSED_WITH_ARGMAX;
  out.threads = pool.threads();
  out.host_visible = 1;
#if defined(_SC_PHYS_PAGES)
  out.memory_bytes = int64_t(sysconf(_SC_PHYS_PAGES)) * int64_t(sysconf(_SC_PAGE_SIZE));
#endif
  std::strncpy(out.name, "CPU", sizeof out.name - 1);
  std::strncpy(out.instruction_set, instructions.name, sizeof out.instruction_set - 1);
  describe_plans(out);
}

void CpuEngine::set_threads(int32_t threads) {
  pool.resize(threads_for(threads));
  arenas.let_go();
}

void CpuEngine::upload(void* device, const void* host, int64_t bytes) {
  std::memcpy(device, host, size_t(bytes));
}

void CpuEngine::download(void* host, const void* device, int64_t bytes) {
  std::memcpy(host, device, size_t(bytes));
}

void CpuEngine::memory_stats(phx_memory_stats& out) const {
  out.allocated_bytes = allocator.allocated_bytes();
  out.peak_bytes = allocator.peak_bytes();
  out.arena_bytes = arenas.arena_bytes();
  out.cached_bytes = allocator.cached_bytes() + arenas.packed_bytes();
}

std::unique_ptr<Executable> CpuEngine::compile(std::unique_ptr<const Plan> plan) {
  check_gaps(*plan);
  return std::make_unique<CpuExecutable>(*this, std::move(plan));
}

}  // namespace phynexus
