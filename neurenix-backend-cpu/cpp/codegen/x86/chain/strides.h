// Operands whose rows lie the same distance apart: a register counts the bytes from the first row to the one at hand.
#pragma once

#include "code.h"

namespace phynexus::fused {

inline constexpr x86::General counters_of_rows[] = {x86::rbx, x86::rbp};

struct RowCounters {
  std::vector<int64_t> strides;  // in bytes, each with the counter in its place
  std::map<int32_t, x86::General> of_slots;

  // False where there are no more counters.
  bool follow(int32_t slot, int64_t stride);
  void start(x86::Assembler& a) const;
  void add(x86::Assembler& a, int64_t bytes) const;
  void next_row(x86::Assembler& a) const;
};

// Nothing where there are more distances than counters.
std::optional<RowCounters> row_counters(const std::vector<RowStride>& strides);

// Whether the code of one vector can stand in a loop, since a row is several whole ones and nothing is kept for its
// columns: a long chain written out for each would crowd the others out of the processor's cache of instructions.
// What is one row for all rows is then followed too.
std::optional<RowCounters> counters_of_looped_columns(const Run& run, const Rows& rows, RowCounters counters);

// All rows, by a loop over their columns.
std::optional<Code> write_looped_columns(const Run& run, const Rows& rows, const RowCounters& counters);

}  // namespace phynexus::fused
