#include <algorithm>

#include "engine/failure.h"
#include "step.h"

namespace phynexus {

int64_t Region::workspace_bytes(int threads) const {
  int64_t bytes = 0;
  for (const StepPointer& step : steps) bytes = std::max(bytes, step->workspace_bytes(threads));
  return round_up(bytes);
}

int64_t Region::worker_bytes(int threads) const {
  int64_t bytes = 0;
  for (const StepPointer& step : steps) bytes = std::max(bytes, step->worker_bytes(threads));
  return round_up(bytes);
}

Place Lowering::place(const phx_value& value) const {
  switch (value.space) {
    case PHX_INPUT: return {base_first_input + value.index, value.offset};
    case PHX_OUTPUT: return {base_first_input + region->inputs + value.index, value.offset};
    case PHX_CONSTANTS: return {base_constants, value.offset};
    default: return {base_scratch, value.offset};
  }
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
