// What goes from row to row in code over rows: counters, and the pointers to operands whose rows lie anywhere, by a
// table behind the code.
#pragma once

#include "body.h"

namespace phynexus::fused {

class Walks {
 public:
  Walks(Body& body, const std::vector<RowWalk>& walks);
  // rcx is the number of the row; with walks, the place in the table.
  void first_row();
  void next_row();
  void back_to_first_row();

 private:
  x86::Assembler& a_;
  const Pointers& pointers_;
  const RowCounters& counters_;
  const std::vector<RowWalk>& walks_;
  x86::Constant table_;
};

}  // namespace phynexus::fused
