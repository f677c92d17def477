// From a record's handler and parameters to a function and its call.
#include "function_text.h"

#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

#include "../device/handlers.h"
#include "chain_text.h"

namespace phynexus::gpu {
namespace {

struct HandlerText {
  const char* name;
  const char* params;  // the type's name
  size_t bytes;        // and size
  bool shares_memory;
};

constexpr HandlerText handler_texts[] = {
#define X(name, Params, kernel) {#name, #Params, sizeof(Params), name##_shared_bytes > 0},
    PHYNEXUS_HANDLERS(X)
#undef X
};

// Takes a place out of what is constant: in the function it is the next of its arguments.
void take(Pointer& at, std::vector<Pointer>& places) {
  places.push_back(at);
  at = {int32_t(places.size()) - 1, 0, 0};
}

std::string constant(const std::string& type, const std::string& name, const void* bytes, size_t count) {
  return "  CONSTANT(" + type + ", " + name + ", " + bytes_text(bytes, count) + ");\n";
}

std::string called(const HandlerText& handler, const void* params, const char* group) {
  return constant(handler.params, "params", params, handler.bytes) + "  " + handler.name +
         "(params, bases, tile, " + group + ");\n";
}

// A product's axes, which the handler finds by params.axes.
std::string product_text(const HandlerText& handler, const char* bytes, const char* program,
                         std::vector<Pointer>& places) {
  ProductParams params;
  std::memcpy(&params, bytes, sizeof params);
  const int axes = params.batch_axes + params.m_axes + params.n_axes + params.k_axes;
  std::string text;
  if (axes)
    text = constant("ProductAxesOf<" + std::to_string(axes) + ">", "axes", program + params.axes,
                    size_t(axes) * sizeof(ProductAxis)) +
           "  const Group known{group.thread, group.threads, group.memory, "
           "reinterpret_cast<const char*>(&axes)};\n";
  params.axes = 0;
  for (Pointer* at : {&params.out, &params.a, &params.b}) take(*at, places);
  return text + called(handler, &params, axes ? "known" : "group");
}

std::string chain_text(bool wide, const char* bytes, const char* program, std::vector<Pointer>& places,
                       std::string& types) {
  FusedParams params;
  std::memcpy(&params, bytes, sizeof params);
  std::vector<ChainOperand> operands(size_t(chain_operands(params, program)));
  std::memcpy(operands.data(), program + params.operands, operands.size() * sizeof(ChainOperand));
  for (ChainOperand& operand : operands) take(operand.at, places);
  return write_chain(params, program, operands, wide, types);
}

std::string list(const std::vector<Pointer>& places, const char* before) {
  std::string text;
  for (size_t k = 0; k < places.size(); k++) text += before + std::to_string(k) + ", ";
  return text;
}

}  // namespace

std::string bytes_text(const void* bytes, size_t count) {
  std::string text;
  for (size_t k = 0; k < count; k++)
    text += (k ? "," : "") + std::to_string(int(static_cast<const unsigned char*>(bytes)[k]));
  return text;
}

std::string FunctionWriter::call(const Record& record) {
  const HandlerText& handler = handler_texts[record.handler];
  const char *program = lowered_.program.data(), *bytes = program + record.params;
  std::vector<Pointer> places;
  std::string types, body;  // what is to stand before the function, and in it
  if (is_chain(record.handler))
    body = chain_text(record.handler == handler_fused_wide, bytes, program, places, types);
  else if (std::string_view(handler.params) == "ProductParams")
    body = product_text(handler, bytes, program, places);
  else body = called(handler, bytes, "group");
  if (handler.shares_memory) body += "  group.barrier();\n";

  const std::string head = places.empty()
                               ? "DEVICE void run(char* const* bases, int64_t tile, const Group group) {\n"
                               : "DEVICE_ALONE void run(" + list(places, "char* p") +
                                     "int64_t tile, const Group group) {\n  char* const bases[] = {" +
                                     list(places, "p") + "};\n";
  const std::string function = types + head + body + "}\n";
  const auto [place, is_new] = made_.try_emplace(function, int(made_.size()));
  const std::string number = std::to_string(place->second);
  if (is_new) text_ += "namespace phynexus::gpu::made_" + number + " {\n" + function + "}\n";

  std::string text = "made_" + number + "::run(";
  if (places.empty()) text += "bases, ";
  for (const Pointer& at : places)
    text += "bases[" + std::to_string(at.base) + "] + " + std::to_string(at.offset) + ", ";
  return text + "tile, group);";
}

}  // namespace phynexus::gpu
