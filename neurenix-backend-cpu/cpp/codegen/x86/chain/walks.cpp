// The table of the rows of walking operands, and the instructions that follow it.
#include "walks.h"

namespace phynexus::fused {

using namespace x86;

// For each row the step to the next one, for each operand; then where each row begins. The first row comes after the
// last.
Walks::Walks(Body& body, const std::vector<RowWalk>& walks)
    : a_(body.a), pointers_(body.pointers()), counters_(body.counters()), walks_(walks) {
  if (walks.empty()) return;
  std::vector<int32_t> steps, starts;
  const size_t rows = walks[0].starts.size();
  for (size_t row = 0; row <= rows; row++)
    for (const RowWalk& walk : walks) {
      if (row < rows) steps.push_back(walk.starts[(row + 1) % rows] - walk.starts[row]);
      starts.push_back(walk.starts[row % rows]);
    }
  steps.insert(steps.end(), starts.begin(), starts.end());
  table_ = a_.constant(steps.data(), int64_t(steps.size() * sizeof(int32_t)));
}

void Walks::first_row() {
  counters_.start(a_);
  if (walks_.empty()) a_.xor32(rcx, rcx);
  else a_.lea(rcx, table_);
}

void Walks::next_row() {
  counters_.next_row(a_);
  if (walks_.empty()) return a_.inc(rcx);
  for (size_t i = 0; i < walks_.size(); i++) {
    a_.movsxd(rdx, rcx, int32_t(4 * i));
    a_.add(pointers_.of_slots.at(walks_[i].slot), rdx);
  }
  a_.add(rcx, int64_t(4 * walks_.size()));
}

void Walks::back_to_first_row() {
  for (size_t i = 0; i < walks_.size(); i++) {
    a_.movsxd(rdx, rcx, int32_t(4 * (walks_[i].starts.size() * walks_.size() + i)));
    a_.sub(pointers_.of_slots.at(walks_[i].slot), rdx);
  }
}

}  // namespace phynexus::fused
