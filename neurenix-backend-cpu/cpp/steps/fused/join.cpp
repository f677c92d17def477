// Finds pairs of operations that one kernel does in one pass.
#include "join.h"

#include <utility>

namespace phynexus::fused {
namespace {

int32_t mirrored(int32_t relation) {
  switch (relation) {
    case PHX_LESS: return PHX_GREATER;
    case PHX_LESS_EQUAL: return PHX_GREATER_EQUAL;
    case PHX_GREATER: return PHX_LESS;
    case PHX_GREATER_EQUAL: return PHX_LESS_EQUAL;
    default: return relation;
  }
}

class Joiner {
 public:
  Joiner(Chain& chain, const std::vector<Value>& values)
      : chain_(chain), values_(values), readers_(readers_of(chain)) {}

  // The operation that makes a value for one reader alone, for each block; null where there is none.
  Operation* maker_of(int32_t value) const {
    if (value < int32_t(chain_.inputs)) return nullptr;
    const Value& v = values_[size_t(value)];
    Operation& maker = chain_.operations[size_t(value) - chain_.inputs];
    const bool apart = v.uniform || v.hoisted || readers_.count[size_t(value)] != 1;
    return apart || maker.joined ? nullptr : &maker;
  }
  bool is_uniform(int32_t value) const { return values_[size_t(value)].uniform; }

  void join_comparison(Operation& select) {
    Operation* compare = maker_of(select.arguments[0]);
    if (!compare || compare->from != PHX_FLOAT32 || !is_comparison(compare->opcode)) return;
    int32_t a = compare->arguments[0], b = compare->arguments[1], relation = compare->opcode;
    if (is_uniform(a)) std::swap(a, b), relation = mirrored(relation);
    compare->joined = true;
    select = {.opcode = compare_where,
              .dtype = select.dtype,
              .from = PHX_FLOAT32,
              .arguments = {a, b, select.arguments[1], select.arguments[2]},
              .immediate = select.immediate,
              .relation = relation};
  }

  void join_product(Operation& sum) {
    for (const int side : {0, 1}) {
      Operation* product = maker_of(sum.arguments[side]);
      const int32_t other = sum.arguments[1 - side];
      if (!product || product->opcode != PHX_MUL || is_uniform(other)) continue;
      int32_t a = product->arguments[0], b = product->arguments[1];
      if (is_uniform(a)) std::swap(a, b);
      product->joined = true;
      sum.opcode = sum.opcode == PHX_ADD ? multiply_plus : side == 0 ? multiply_minus : minus_multiply;
      sum.arguments[0] = a, sum.arguments[1] = b, sum.arguments[2] = other;
      return;
    }
  }

 private:
  Chain& chain_;
  const std::vector<Value>& values_;
  const Readers readers_;
};

}  // namespace

Chain join(Chain chain, const std::vector<Value>& values) {
  Joiner joiner(chain, values);
  for (size_t i = 0; i < chain.operations.size(); i++) {
    Operation& operation = chain.operations[i];
    if (values[chain.inputs + i].uniform) continue;
    const bool floats = operation.dtype == PHX_FLOAT32 || operation.dtype == PHX_FLOAT64;
    const bool sum = operation.opcode == PHX_ADD || operation.opcode == PHX_SUB;
    if (operation.opcode == PHX_WHERE && operation.dtype == PHX_FLOAT32) joiner.join_comparison(operation);
    else if (sum && floats) joiner.join_product(operation);
  }
  return chain;
}

}  // namespace phynexus::fused
