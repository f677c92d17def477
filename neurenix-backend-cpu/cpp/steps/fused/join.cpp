// Two ops in one pass, where one kernel does both.
#include <utility>

#include "builder.h"

namespace phynexus {

void FusedBuilder::follow_uniform() {
  for (size_t i = 0; i < ops_.size(); i++) {
    Register& r = registers_[inputs_ + i];
    r.uniform = r.fixed = true;
    for (int32_t a : ops_[i].arguments)
      if (a >= 0) {
        r.uniform &= registers_[size_t(a)].uniform;
        r.fixed &= registers_[size_t(a)].fixed;
      }
  }
}

void FusedBuilder::count_readers() {
  for (Register& r : registers_) r.readers = 0, r.last_reader = -1;
  for (size_t i = 0; i < ops_.size(); i++)
    if (!ops_[i].gone)
      for (int32_t a : ops_[i].arguments)
        if (a >= 0) {
          registers_[size_t(a)].readers++;
          registers_[size_t(a)].last_reader = int32_t(i);
        }
  for (const Output& output : outputs_) {
    registers_[size_t(output.value)].readers++;
    registers_[size_t(output.value)].last_reader = at_the_end;
  }
}

static int32_t mirrored(int32_t relation) {
  switch (relation) {
    case PHX_LESS: return PHX_GREATER;
    case PHX_LESS_EQUAL: return PHX_GREATER_EQUAL;
    case PHX_GREATER: return PHX_LESS;
    case PHX_GREATER_EQUAL: return PHX_LESS_EQUAL;
    default: return relation;
  }
}

// A comparison with the selection that it decides, a product with the sum that it goes into: one pass, not
// two.
void FusedBuilder::join_ops() {
  count_readers();
  for (size_t i = 0; i < ops_.size(); i++) {
    Op& op = ops_[i];
    if (registers_[inputs_ + i].uniform) continue;
    const auto made_by = [&](int32_t argument) -> Op* {
      if (argument < int32_t(inputs_)) return nullptr;
      const Register& r = registers_[size_t(argument)];
      Op& maker = ops_[size_t(argument) - inputs_];
      // What is computed once for all blocks stays apart.
      const bool hoisted = r.fixed && !layout_.loops.empty();
      return r.readers == 1 && !r.uniform && !hoisted && !maker.gone ? &maker : nullptr;
    };
    const auto is_uniform = [&](int32_t argument) { return registers_[size_t(argument)].uniform; };
    if (op.opcode == PHX_WHERE && op.dtype == PHX_FLOAT32) {
      Op* maker = made_by(op.arguments[0]);
      if (!maker || maker->from != PHX_FLOAT32 || maker->opcode < PHX_EQUAL ||
          maker->opcode > PHX_GREATER_EQUAL)
        continue;
      int32_t a = maker->arguments[0], b = maker->arguments[1], relation = maker->opcode;
      if (is_uniform(a)) std::swap(a, b), relation = mirrored(relation);
      const int32_t yes = op.arguments[1], no = op.arguments[2];
      maker->gone = true;
      op.opcode = compare_where;
      op.relation = relation;
      op.from = PHX_FLOAT32;
      op.arguments[0] = a, op.arguments[1] = b, op.arguments[2] = yes, op.arguments[3] = no;
    } else if ((op.opcode == PHX_ADD || op.opcode == PHX_SUB) &&
               (op.dtype == PHX_FLOAT32 || op.dtype == PHX_FLOAT64)) {
      for (int side : {0, 1}) {
        Op* maker = made_by(op.arguments[side]);
        const int32_t other = op.arguments[1 - side];
        if (!maker || maker->opcode != PHX_MUL || is_uniform(other)) continue;
        int32_t a = maker->arguments[0], b = maker->arguments[1];
        if (is_uniform(a)) std::swap(a, b);
        maker->gone = true;
        op.opcode = op.opcode == PHX_ADD ? multiply_plus : side == 0 ? multiply_minus : minus_multiply;
        op.arguments[0] = a, op.arguments[1] = b, op.arguments[2] = other;
        break;
      }
    }
  }
  count_readers();
}

}  // namespace phynexus
