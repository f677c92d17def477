// Chooses the kernels for this machine, and says what the engine has.
#include "engine.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/failure.h"
#include "engine/plan/plan.h"
#include "threads/available_threads.h"

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace phynexus {

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
    return {"avx512", &avx512::runtime_kernels, &avx512::contract_kernels, true};
  if (has_avx2 && wish != "portable") return {"avx2", &avx2::runtime_kernels, &avx2::contract_kernels};
#endif
  return plain;
}

int threads_for(int32_t wish) {
  require(wish >= 0 && wish <= 1024, "threads must be between 0 (the engine's choice) and 1024");
  return wish > 0 ? wish : available_threads();
}

void describe(const Engine& engine, phx_capabilities& out) {
  const size_t size = out.struct_size;
  require(size >= sizeof(phx_capabilities), "phx_capabilities.struct_size is smaller than version 1.0's");
  std::memset(&out, 0, sizeof out);
  out.struct_size = size;
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
  out.opcodes[PHX_FUSED] = 2;  // with argmax
  out.threads = engine.pool.threads();
  out.host_visible = 1;
#if defined(_SC_PHYS_PAGES)
  out.memory_bytes = int64_t(sysconf(_SC_PHYS_PAGES)) * int64_t(sysconf(_SC_PAGE_SIZE));
#endif
  std::strncpy(out.name, "CPU", sizeof out.name - 1);
  std::strncpy(out.instruction_set, engine.instructions.name, sizeof out.instruction_set - 1);
}

}  // namespace phynexus
