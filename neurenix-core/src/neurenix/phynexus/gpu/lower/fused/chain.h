// A fused chain as it is lowered: a walk over axes, operands that have strides along them, operations, and what becomes
// of the results. Not only PHX_FUSED becomes one: copies, iota and argmax do too, and the second pass of a reduction.
#pragma once

#include <cstdint>
#include <vector>

#include "../../device/elementwise/code.h"
#include "../builder.h"

namespace phynexus::gpu {

// Beside the dtypes: 16 bits that are only moved, and the position in row-major order, which is not in memory.
enum : int32_t { storage_16 = 16, storage_position = 17 };

struct Chain {
  struct Axis {
    int64_t size = 1;
    bool reduced = false;
  };
  struct Operand {
    Pointer at;
    int32_t storage = 0;               // a phx_dtype, or one of the above
    std::vector<int64_t> strides;      // bytes, for each axis; of a position, elements
    const phx_value* value = nullptr;  // null: no other operand shares its memory
  };
  struct Operation {
    int32_t opcode = 0, dtype = 0;
    int32_t a = -1, b = -1, c = -1;
    int64_t immediate = 0;
  };
  struct Output {
    int32_t value = 0;
    int32_t reduction = 0;  // 0: stored
    int32_t place = -1;     // of argmax: the value that says where the element stands
    Operand largest;        // of a part of an argmax: where the largest goes, beside its place
    bool keeps_largest = false;
    Operand to;
  };

  std::vector<Axis> axes;
  std::vector<Operand> inputs;  // values 0 .. inputs - 1; their dtypes are what they are stored as
  std::vector<Operation> operations;
  std::vector<Output> outputs;

  int32_t dtype_of(int32_t value) const {
    return value < int32_t(inputs.size()) ? inputs[size_t(value)].storage
                                          : operations[size_t(value) - inputs.size()].dtype;
  }
  bool is_wide() const;
  template <class F>
  void each_operand(const F& f) {
    for (Operand& x : inputs) f(x);
    for (Output& x : outputs) {
      f(x.to);
      if (x.keeps_largest) f(x.largest);
    }
  }
};

Kind kind_of(int32_t dtype);

// Orders and merges the axes, kept ones first. Returns whether neighbours along the last kept axis are a run; else
// those along the last reduced one are.
bool order_axes(Chain& chain);
// Merges them, in the order that they have.
void merge_axes(Chain& chain);

// How many of its operations the first part of a chain may have, so that its values find a place; all, as a rule.
int32_t operations_that_fit(const Chain& chain);
// Leaves the first so many operations in the chain and gives back the rest; values pass through the workspace.
Chain cut_chain(Builder& builder, Chain& chain, int32_t operations);

// The code of a chain whose units are shared as `p` says; sets its body, end and count.
std::vector<Code> write_code(const Chain& chain, FusedParams& p, bool run_is_kept,
                             std::vector<Chain::Operand>& operands);

// Adds the records that run it, one phase or, where a long reduction is split, two.
void add_chain(Builder& builder, Chain chain);

}  // namespace phynexus::gpu
