// Lowers each instruction to its step.
#include <cstring>

#include "engine/failure.h"
#include "step.h"

namespace phynexus {

void copy_bytes(const Frame&, char* to, const char* from, int64_t bytes) {
  std::memmove(to, from, size_t(bytes));
}

StepPointer lower(Lowering& lowering, const phx_instruction& instruction) {
  switch (instruction.opcode) {
    case PHX_FUSED: return lower_fused(lowering, instruction);
    case PHX_ARGMAX: return lower_argmax(lowering, instruction);
    case PHX_CUMSUM: return lower_cumsum(lowering, instruction);
    case PHX_SORT: return lower_sort(lowering, instruction);
    case PHX_COPY: return lower_copy(lowering, instruction);
    case PHX_DOT_GENERAL: return lower_dot_general(lowering, instruction);
    case PHX_CONV_GENERAL:
    case PHX_CONV_INPUT_GRADIENT:
    case PHX_CONV_WEIGHT_GRADIENT: return lower_convolution(lowering, instruction);
    case PHX_CHOLESKY: return lower_cholesky(lowering, instruction);
    case PHX_TRIANGULAR_SOLVE: return lower_triangular_solve(lowering, instruction);
    case PHX_LU: return lower_lu(lowering, instruction);
    case PHX_GATHER: return lower_gather(lowering, instruction);
    case PHX_SCATTER:
    case PHX_SCATTER_ADD: return lower_scatter(lowering, instruction);
    case PHX_IOTA: return lower_iota(lowering, instruction);
    case PHX_RANDOM_BITS: return lower_random_bits(lowering, instruction);
    case PHX_CALL: return lower_call(lowering, instruction);
    case PHX_SCAN: return lower_scan(lowering, instruction);
    case PHX_MAP: return lower_map(lowering, instruction);
    default: lack(format("opcode %d", instruction.opcode));
  }
}

}  // namespace phynexus
