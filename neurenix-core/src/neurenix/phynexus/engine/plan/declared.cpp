// Looks every opcode and dtype of a plan up in an engine's capabilities, those within PHX_FUSED included.
#include "declared.h"

#include "../failure.h"
#include "in_instruction.h"

namespace phynexus {
namespace {

void expect_opcode(const phx_capabilities& declared, int64_t opcode) {
  if (!declared.opcodes[opcode]) lack(format("this engine has no %s", opcode_name(int32_t(opcode))));
}

void expect_dtype(const phx_capabilities& declared, int64_t dtype) {
  if (!(declared.dtypes >> dtype & 1))
    lack(format("this engine does not compute with %s", dtype_name(int32_t(dtype))));
}

void expect_fused(const Plan& plan, const phx_capabilities& declared, const phx_instruction& fused) {
  const int64_t* p = plan.params_of(fused);
  const int64_t ops = p[0], outputs = p[1], rank = p[3];
  const int64_t* op = p + 4 + rank;
  for (int64_t i = 0; i < ops; i++, op += 6) {
    expect_opcode(declared, op[0]);
    expect_dtype(declared, op[1]);
  }
  for (int64_t k = 0; k < outputs; k++) {
    const int64_t reduction = op[2 * k + 1];
    if (reduction == 0) continue;
    expect_opcode(declared, reduction);
    if (reduction == PHX_ARGMAX && declared.opcodes[PHX_FUSED] < 2)
      lack("this engine has no argmax within fused");
  }
}

}  // namespace

void refuse_undeclared(const Plan& plan, const phx_capabilities& declared) {
  for (const phx_value& value : plan.values) expect_dtype(declared, value.dtype);
  for (size_t i = 0; i < plan.instructions.size(); i++)
    in_instruction(plan, int32_t(i), [&](const phx_instruction& instruction) {
      expect_opcode(declared, instruction.opcode);
      if (instruction.opcode == PHX_FUSED) expect_fused(plan, declared, instruction);
    });
}

}  // namespace phynexus
