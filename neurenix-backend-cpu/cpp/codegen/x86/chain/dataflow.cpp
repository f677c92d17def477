// What flows from operation to operation, which of them can be code, and how code follows registers that move.
#include <climits>
#include <cstring>

#include "body.h"

namespace phynexus::fused {

Dataflow::Dataflow(const std::vector<PlacedOperation>& operations, const std::vector<Location>& read_after)
    : last_reader(operations.size(), -1) {
  std::map<Location, int> now;  // which operation's result lies there
  for (size_t i = 0; i < operations.size(); i++) {
    const PlacedOperation& operation = operations[i];
    makers.push_back({-1, -1, -1, -1});
    for (int k = 0; k < operation.arity; k++) {
      const auto found = now.find(operation.arguments[k].location);
      if (found == now.end()) continue;
      makers[i][size_t(k)] = found->second;
      last_reader[size_t(found->second)] = int(i);
    }
    now[operation.out] = int(i);
  }
  for (const Location& location : read_after)
    if (const auto found = now.find(location); found != now.end())
      last_reader[size_t(found->second)] = INT_MAX;
}

bool can_write(const PlacedOperation& placed, x86::Extension extension) {
  const Operation& operation = placed.operation;
  const bool avx2 = extension == x86::Extension::avx2;
  if (placed.single) return false;
  // Bools are masks in registers of their own.
  if (avx2 && (is_comparison(operation.opcode) || operation.opcode == PHX_WHERE)) return false;
  if (is_comparison(operation.opcode)) return operation.from == PHX_FLOAT32 || operation.from == PHX_INT32;
  if (operation.opcode == PHX_WHERE)
    return !placed.arguments[0].uniform &&
           (operation.dtype == PHX_FLOAT32 || operation.dtype == PHX_INT32 || operation.dtype == PHX_UINT32);
  if (operation.from != PHX_FLOAT32 || operation.dtype != PHX_FLOAT32) return false;
  switch (operation.opcode) {
    case PHX_NEG:
    case PHX_ABS:
    case PHX_FLOOR:
    case PHX_ROUND:
    case PHX_SQRT:
    case PHX_RSQRT:
    case PHX_ADD:
    case PHX_SUB:
    case PHX_MUL:
    case PHX_DIV:
    case PHX_MAXIMUM:
    case PHX_MINIMUM:
    case multiply_plus:
    case multiply_minus:
    case minus_multiply:
    case compare_where: return true;
    case PHX_TANH: return avx2;  // AVX-512 has the kernel
    case PHX_INTEGER_POW: return std::abs(operation.immediate) <= most_exponent;
    default: return false;
  }
}

size_t end_of_stage(const std::vector<PlacedOperation>& operations, const Dataflow& flow, size_t begin) {
  const auto takes_long = [&](size_t i) { return operations[i].operation.opcode == PHX_TANH; };
  std::vector<bool> waits(operations.size(), false);  // for such a function
  for (size_t i = begin; i < operations.size(); i++) {
    for (const int maker : flow.makers[i])
      if (maker >= int(begin)) waits[i] = waits[i] || waits[size_t(maker)] || takes_long(size_t(maker));
    if (waits[i] && takes_long(i)) return i;
  }
  return operations.size();
}

void Code::move_registers(const std::map<int32_t, int32_t>& moved) {
  for (x86::PartUse& use : registers) {
    int32_t displacement;
    std::memcpy(&displacement, bytes.data() + use.at, sizeof displacement);
    const int32_t to = moved.at(use.part);
    displacement += to - use.part;
    std::memcpy(bytes.data() + use.at, &displacement, sizeof displacement);
    use.part = to;
  }
}

}  // namespace phynexus::fused
