// Writes the code of a chain out.
#include "chain_text.h"

#include <algorithm>

#include "../device/handlers.h"
#include "function_text.h"

namespace phynexus::gpu {
namespace {

bool reads_operand(int code) {
  return code == code_position || (code >= code_load_8 && code <= code_store_64);
}

std::string call(const Code& c) {
  std::string text =
      "machine.template run_known<" + std::to_string(c.code) + ", " + std::to_string(c.finish) + ">(";
  for (const int number : {int(c.flags), int(c.a), int(c.b), int(c.c), int(c.to)})
    text += std::to_string(number) + ", ";
  // the least of all has no literal
  return text + "int64_t(" + std::to_string(uint64_t(c.immediate)) + "u));";
}

}  // namespace

bool is_chain(int handler) { return handler == handler_fused || handler == handler_fused_wide; }

int chain_operands(const FusedParams& params, const char* program) {
  const Code* code = reinterpret_cast<const Code*>(program + params.code);
  int operands = 1;
  for (int k = 0; k < params.count; k++)
    if (reads_operand(code[k].code)) operands = std::max(operands, code[k].c + 1);
  return operands;
}

std::string write_chain(const FusedParams& params, const char* program,
                        const std::vector<ChainOperand>& operands, bool wide, std::string& types) {
  const Code* code = reinterpret_cast<const Code*>(program + params.code);
  std::string phases;
  const int ends[] = {params.body, params.end, params.count};
  const char* const names[] = {"phase_before", "phase_each", "phase_after"};
  for (int next = 0, phase = 0; phase < 3; phase++) {
    phases += std::string("      case ") + names[phase] + ":\n";
    for (; next < ends[phase]; next++) phases += "        " + call(code[next]) + "\n";
    phases += "        break;\n";
  }
  types =
      "struct Chain {\n  const ChainOperand* list;\n  DEVICE const ChainOperand* operands() const { return "
      "list; }\n"
      "  template <class Words>\n  DEVICE void run(Machine<Words>& machine, Phase phase) const {\n"
      "    switch (phase) {\n" +
      phases + "    }\n  }\n};\n";
  FusedParams constants = params;
  constants.code = constants.operands = 0;  // chains that are alike are one, wherever they lie
  return "  CONSTANT(FusedParams, params, " + bytes_text(&constants, sizeof constants) +
         ");\n  CONSTANT(ChainOperands<" + std::to_string(operands.size()) + ">, operands, " +
         bytes_text(operands.data(), operands.size() * sizeof(ChainOperand)) + ");\n  run_chain<" +
         (wide ? "WideWords" : "NarrowWords") + ">(params, Chain{operands.at}, bases, tile, group);\n";
}

}  // namespace phynexus::gpu
