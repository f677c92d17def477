// Looks every opcode and dtype of a plan up in an engine's capabilities, those within PHX_FUSED included.
#include "declared.h"

#include "in_instruction.h"
#include "instructions.h"

namespace phynexus {
namespace {

void expect_opcode(const phx_capabilities& declared, int64_t opcode) {
  if (!declared.opcodes[opcode])
    lack(format("%s is no operation that this engine runs", opcode_name(int32_t(opcode))));
}

bool has_dtype(const phx_capabilities& declared, int64_t dtype) { return declared.dtypes >> dtype & 1; }

void expect_fused(const phx_capabilities& declared, const Fused& fused) {
  for (const Fused::Op& op : fused.ops) {
    expect_opcode(declared, op.opcode);
    if (!has_dtype(declared, op.dtype)) lack(format("an op's result is %s", dtype_name(int32_t(op.dtype))));
  }
  for (const Fused::End& end : fused.ends) {
    if (end.reduction) expect_opcode(declared, end.reduction);
    if (end.reduction == PHX_ARGMAX && declared.opcodes[PHX_FUSED] < 2)
      lack("this engine has no argmax within fused");
  }
}

}  // namespace

void refuse_undeclared(const Plan& plan, const phx_capabilities& declared) {
  for (size_t i = 0; i < plan.values.size(); i++)
    if (const int32_t dtype = plan.values[i].dtype; !has_dtype(declared, dtype))
      lack(format("value %zu is %s, which this engine does not compute with", i, dtype_name(dtype)));
  each_instruction(plan, [&](const phx_instruction& instruction) {
    expect_opcode(declared, instruction.opcode);
    if (instruction.opcode == PHX_FUSED) expect_fused(declared, read_params<Fused>(plan, instruction));
  });
}

}  // namespace phynexus
