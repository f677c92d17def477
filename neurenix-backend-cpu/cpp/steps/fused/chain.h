// What a PHX_FUSED says, in memory: element-wise operations one after the other, and what leaves them.
#pragma once

#include "engine/layout/axes.h"
#include "engine/plan/plan.h"

namespace phynexus::fused {

// Beyond the opcodes of the plan: what two of them become together (see join.h), and one element that fills a block.
enum : int32_t {
  compare_where = 1000,
  multiply_plus = 1001,
  multiply_minus = 1002,
  minus_multiply = 1003,
  fill = 1004
};

inline bool is_comparison(int32_t opcode) { return opcode >= PHX_EQUAL && opcode <= PHX_GREATER_EQUAL; }

struct Operation {
  int32_t opcode = 0, dtype = 0;
  int32_t from = 0;                         // dtype of the operands
  int32_t arguments[4] = {-1, -1, -1, -1};  // numbers of values; -1 behind the last
  int64_t immediate = 0;
  int32_t relation = 0;  // of compare_where
  bool joined = false;   // has become part of a later one
};

struct Output {
  int32_t value = 0;
  int32_t reduction = 0;  // 0: stored as it is
};

// Values are numbered: the inputs, then the results of the operations.
struct Chain {
  size_t inputs = 0;
  std::vector<int32_t> dtypes;  // of the values
  std::vector<Operation> operations;
  std::vector<Output> outputs;
  // Strides for each input and output, in bytes, then the row-major position among what is reduced.
  std::vector<Axis> axes;

  size_t operands() const { return inputs + outputs.size(); }
  bool reduces() const;
  bool has_no_elements() const;
  int64_t largest_item() const;
};

Chain read_chain(const Plan& plan, const phx_instruction& instruction);

// Which operations and outputs read each value of a chain.
struct Readers {
  static constexpr int32_t at_the_end = 1 << 30;
  std::vector<int32_t> count, last;  // the number of the last operation, at_the_end for outputs, or -1
};
Readers readers_of(const Chain& chain);

}  // namespace phynexus::fused
