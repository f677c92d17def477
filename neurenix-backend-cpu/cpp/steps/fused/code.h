// Runs of element-wise ops as machine code of their own: values stay in vector registers from one op to the next,
// where kernels would write each one to the first-level cache and read it again. The same operations in the same
// order as the kernels: not a bit differs.
#pragma once

#include "../../codegen/x86/code_memory.h"
#include "step.h"

namespace phynexus {

// Beyond the opcodes of the plan: what two of them become together.
enum : int32_t {
  compare_where = 1000,
  multiply_plus = 1001,
  multiply_minus = 1002,
  minus_multiply = 1003,
  fill = 1004
};

struct Op {
  int32_t opcode = 0, dtype = 0;
  int32_t from = 0;  // dtype of the operands
  int32_t arguments[4] = {-1, -1, -1, -1};
  int64_t immediate = 0;
  int32_t relation = 0;  // of compare_where
  bool gone = false;     // has become part of a later one
};

// An op as it was given registers.
struct PlacedOp {
  Op op;
  bool known = false;   // `op` says what it does
  bool single = false;  // one element for the block
  Source out;
  int arity = 0;
  Source arguments[4];
  bool uniform[4] = {};
  // One row for all rows, one element a row; with a RowWalk, one element where it has got to.
  enum Repeated : uint8_t { not_repeated, in_rows, in_columns, one_element };
  Repeated repeated[4] = {};
  int32_t dtypes[4] = {};
};

// Of the rows of a block, to dense columns.
struct RowSum {
  Source value, to;
};

// Of each group of so many rows that follow one another: the largest, and where the first one of that size stands.
struct RowMaximum {
  Source value, to, place_to;
  std::vector<int32_t> places;  // of the rows of a group; empty: nobody asks where
};

// What is made of the rows of a block.
struct RowResults {
  std::vector<RowSum> sums;
  std::vector<RowMaximum> maxima;
  int rows_in_group = 1;  // of the maxima
};

// An operand whose rows lie anywhere: where each begins, in bytes. It counts as repeated, and moves from row to row.
struct RowWalk {
  int32_t slot = 0;
  std::vector<int32_t> starts;
};

// Replaces what it can of `ops` by code. `placed` describes each of them; `read_after` lists what is read when all
// have run. Without memory nothing is replaced. Either way, gives the places that what runs then reads or writes.
std::vector<Source> write_code(std::vector<FusedOp>& ops, const std::vector<PlacedOp>& placed,
                               const std::vector<Source>& read_after, CodeMemory* memory);

// All of `ops` as code over rows of so many columns, with what is made of the rows. Without memory it only says whether there
// is such code, and what it touches.
bool write_rows(std::vector<FusedOp>& ops, const std::vector<PlacedOp>& placed, int64_t columns,
                const RowResults& results, const std::vector<RowWalk>& walks,
                const std::vector<Source>& read_after, CodeMemory* memory, std::vector<Source>& touched);

}  // namespace phynexus
