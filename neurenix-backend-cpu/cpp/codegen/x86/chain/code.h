// Runs of element-wise operations as machine code of their own: values stay in vector registers from one operation to
// the next, where kernels would write each one to the first-level cache and read it again. The same operations in the
// same order as the kernels: not a bit differs.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "../../../steps/fused/placed.h"
#include "../assembler.h"

namespace phynexus::fused {

// Called with the addresses of the slots (see Location) and the number of elements.
using CodeFunction = void (*)(char* const* slots, int64_t count);

// Where the code of some operations reads and writes registers can still be moved.
struct Code {
  std::vector<uint8_t> bytes;
  std::vector<x86::PartUse> registers;
  void move_registers(const std::map<int32_t, int32_t>& moved);
};

// Which operation makes an argument (-1: it comes from memory), and the last one that reads a result.
struct Dataflow {
  std::vector<std::array<int, 4>> makers;
  std::vector<int> last_reader;
  Dataflow(const std::vector<PlacedOperation>& operations, const std::vector<Location>& read_after);
};

// Operations [begin, end) of a list.
struct Run {
  x86::Extension extension;
  const std::vector<PlacedOperation>& operations;
  const Dataflow& flow;
  size_t begin = 0, end = 0;
};

// Sums over the rows of a block, to dense columns.
struct RowSum {
  Location value, to;
};

// Of each group of rows that follow one another: the largest, and where the first one of that size stands.
struct RowMaximum {
  Location value, to, place_to = {};
  std::vector<int32_t> places = {};  // of the rows of a group; empty: nobody asks where
};

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

// An operand whose rows lie so many bytes apart, each of it dense or one element: a part of a wider matrix. Code over
// rows can follow two such distances, with AVX2.
struct RowStride {
  int32_t slot = 0;
  int64_t bytes = 0;
};

// A block as rows of so many columns.
struct Rows {
  int64_t columns = 0;
  RowResults results = {};
  std::vector<RowWalk> walks = {};
  std::vector<RowStride> strides = {};
};

bool can_write(const PlacedOperation& operation, x86::Extension extension);
// How far code from `begin` on may go. A function that waits for another one's result goes into the next loop: a
// processor looks ahead by about the instructions of one such function, and would have nothing else to do meanwhile.
size_t end_of_stage(const std::vector<PlacedOperation>& operations, const Dataflow& flow, size_t begin);
// Element after element. Nothing where it takes more registers than there are.
std::optional<Code> write_elements(const Run& run);
// Row by row, `vectors` of columns at a time: operands that repeat a row, or an element within a row, are read where
// they lie, and sums over rows stay in registers.
std::optional<Code> write_rows(const Run& run, const Rows& rows, int vectors);

}  // namespace phynexus::fused
