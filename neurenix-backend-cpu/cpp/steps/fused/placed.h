// A chain whose values have places: registers, which are dense blocks in a file of them, or the operands themselves.
// No kernel is chosen yet, no code written.
#pragma once

#include "values.h"

namespace phynexus::fused {

// The registers of a step, each as large as a block or smaller, one behind the other.
class RegisterFile {
 public:
  struct Register {
    int32_t offset;
    int64_t bytes;
  };
  Location allocate(int64_t bytes);
  const std::vector<Register>& registers() const { return registers_; }
  int64_t bytes() const { return bytes_; }

 private:
  std::vector<Register> registers_;
  int64_t bytes_ = 0;
};

// How an argument lies in a block of rows: elements of its own, one row for all rows, one element a row (one after
// the other), or one element that each row has to look for.
enum class Repeat : uint8_t { never, row, element, element_anywhere };

struct PlacedArgument {
  Location location;
  int32_t dtype = 0;
  bool uniform = false;
  Repeat repeat = Repeat::never;
};

struct PlacedOperation {
  Operation operation;
  bool single = false;  // one element for the block
  Location out;
  int arity = 0;
  PlacedArgument arguments[4];
};

struct PlacedReduction {
  int32_t opcode = 0, dtype = 0;
  Location values, partial, levels;
  Location spare;  // of an argmax: the largest so far
  PlacedTile tile;
  Positions positions;     // of an argmax
  bool dense = false;      // the output's elements of a cell lie together
  bool in_code = false;    // written code leaves the block's result where a kernel would
  bool in_argmax = false;  // a maximum: so does an argmax of the same values
  int32_t item_bytes = 0;
  int64_t level_bytes = 0;
  int64_t saved_offset = 0;  // of a chunk's partial result in its part of the workspace

  bool is_argmax() const { return opcode == PHX_ARGMAX; }
  bool is_maximum() const { return opcode == PHX_MAX; }
  bool is_sum() const { return opcode == PHX_SUM; }
};

struct Placed {
  RegisterFile file;
  std::vector<PlacedTile> first_loads, loads, stores;  // first: once, before the first block
  std::vector<PlacedOperation> first_operations, operations;
  std::vector<PlacedReduction> reductions;
  std::vector<bool> direct;  // of the outputs: written by an operation, where they lie
  int64_t saved_bytes = 0;   // partial results of one chunk
};

Placed place(const Chain& chain, const Blocks& blocks, const std::vector<Value>& values,
             const Sharing& sharing);

// The reduction at an output, of the values at that location.
PlacedReduction place_reduction(const Chain& chain, const Blocks& blocks, size_t output, Location values,
                                RegisterFile& file);
// An argmax finds the maximum on its way: one pass for both, where a block has all that is reduced.
void join_argmax(std::vector<PlacedReduction>& reductions, const Blocks& blocks);

}  // namespace phynexus::fused
