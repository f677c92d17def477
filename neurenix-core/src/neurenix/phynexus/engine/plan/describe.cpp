// What messages call an instruction.
#include <algorithm>

#include "in_instruction.h"
#include "instructions.h"

namespace phynexus {
namespace {

// " mul + add": what a fused instruction computes; nothing where its parameters are not what they should be.
std::string fused_names(const Plan& plan, const phx_instruction& x) {
  constexpr size_t most = 4;
  Fused fused;
  try {
    fused = read_params<Fused>(plan, x);
  } catch (const Failure&) {
    return "";  // that may be the very failure which is told
  }
  std::string text;
  for (size_t k = 0; k < std::min(fused.ops.size(), most); k++)
    text += (k ? " + " : " ") + std::string(opcode_name(int32_t(fused.ops[k].opcode)));
  if (fused.ops.size() > most) text += format(" and %zu more", fused.ops.size() - most);
  return text;
}

}  // namespace

std::string describe_instruction(const Plan& plan, int32_t index) {
  const phx_instruction& x = plan.instructions[size_t(index)];
  std::string text = format("instruction %d (%s", index, opcode_name(x.opcode));
  if (x.opcode == PHX_FUSED) text += fused_names(plan, x);
  if (x.line >= 0) text += format(", source line %d", x.line);
  return text + ")";
}

}  // namespace phynexus
