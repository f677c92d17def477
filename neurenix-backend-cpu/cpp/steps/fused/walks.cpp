// Operands whose rows lie anywhere, in code over rows: their pointers go from row to row by a table behind the code.
#include <algorithm>

#include "writer.h"

namespace phynexus {
namespace {

// Rows that lie apart are no stream that a processor would follow of itself; the windows of an image are two or three.
constexpr int32_t bytes_ahead = 8192;

// 48 or 49: a register of 64 bits as the second operand.
int wide(General r) { return 0x48 | (r >> 3 & 1); }

}  // namespace

bool Writer::walks(int32_t slot) const {
  return std::any_of(walks_.begin(), walks_.end(), [&](const RowWalk& walk) { return walk.slot == slot; });
}

void Writer::fetch_ahead(Memory m) {
  m.displacement += bytes_ahead;
  a_.prefetch(m);
}

// For each row the step to the next one, for each operand; then where each row begins. The first row comes after the
// last. rcx is the place in the table.
void Writer::make_walks() {
  if (walks_.empty()) return;
  std::vector<int32_t> steps, starts;
  const size_t rows = walks_[0].starts.size();
  for (size_t row = 0; row <= rows; row++)
    for (const RowWalk& walk : walks_) {
      if (row < rows) steps.push_back(walk.starts[(row + 1) % rows] - walk.starts[row]);
      starts.push_back(walk.starts[row % rows]);
    }
  steps.insert(steps.end(), starts.begin(), starts.end());
  walk_table_ = a_.constant(steps.data(), int64_t(steps.size() * sizeof(int32_t)));
}

void Writer::first_row() {
  if (walks_.empty()) a_.raw({0x31, 0xc9});  // xor ecx, ecx: the number of the row
  else a_.load_address(rcx, walk_table_);
}

void Writer::next_row() {
  if (walks_.empty()) return a_.raw({0x48, 0xff, 0xc1});  // inc rcx
  for (size_t i = 0; i < walks_.size(); i++) {
    const General pointer = pointer_.at(walks_[i].slot);
    a_.raw({0x48, 0x63, 0x91});  // movsxd rdx, [rcx + 4 i]
    a_.word32(int64_t(4 * i));
    a_.raw({wide(pointer), 0x01, 0xd0 | (pointer & 7)});  // add pointer, rdx
  }
  a_.raw({0x48, 0x81, 0xc1});  // add rcx, the bytes of a row of the table
  a_.word32(int64_t(4 * walks_.size()));
}

void Writer::back_to_first_row() {
  for (size_t i = 0; i < walks_.size(); i++) {
    const General pointer = pointer_.at(walks_[i].slot);
    a_.raw({0x48, 0x63, 0x91});
    a_.word32(int64_t(4 * (walks_[i].starts.size() * walks_.size() + i)));
    a_.raw({wide(pointer), 0x29, 0xd0 | (pointer & 7)});  // sub pointer, rdx
  }
}

}  // namespace phynexus
