// The counters of rows, and the loop over columns that they allow.
#include "strides.h"

#include <algorithm>
#include <iterator>

#include "walks.h"

namespace phynexus::fused {

using namespace x86;

bool RowCounters::follow(int32_t slot, int64_t stride) {
  const size_t place = size_t(std::find(strides.begin(), strides.end(), stride) - strides.begin());
  if (place == std::size(counters_of_rows)) return false;
  if (place == strides.size()) strides.push_back(stride);
  of_slots[slot] = counters_of_rows[place];
  return true;
}

void RowCounters::start(Assembler& a) const {
  for (size_t i = 0; i < strides.size(); i++) a.xor32(counters_of_rows[i], counters_of_rows[i]);
}

void RowCounters::add(Assembler& a, int64_t bytes) const {
  for (size_t i = 0; i < strides.size(); i++) a.add(counters_of_rows[i], bytes);
}

void RowCounters::next_row(Assembler& a) const {
  for (size_t i = 0; i < strides.size(); i++) a.add(counters_of_rows[i], strides[i]);
}

std::optional<RowCounters> row_counters(const std::vector<RowStride>& strides) {
  RowCounters counters;
  for (const RowStride& stride : strides)
    if (!counters.follow(stride.slot, stride.bytes)) return {};
  return counters;
}

std::optional<RowCounters> counters_of_looped_columns(const Run& run, const Rows& rows,
                                                      RowCounters counters) {
  const int lanes = lanes_of(run.extension);
  const bool keeps = !rows.results.sums.empty() || !rows.results.maxima.empty();
  if (run.extension != Extension::avx2 || rows.columns % lanes || rows.columns == lanes || keeps) return {};
  if (!rows.walks.empty()) return {};
  for (size_t i = run.begin; i < run.end; i++)
    for (int k = 0; k < run.operations[i].arity; k++) {
      const PlacedArgument& argument = run.operations[i].arguments[k];
      const int32_t slot = argument.location.slot;
      if (argument.uniform) continue;
      const bool follows = counters.of_slots.count(slot);
      if (argument.repeat == Repeat::element_anywhere && follows) return {};
      if (argument.repeat == Repeat::row && !follows && !counters.follow(slot, 0)) return {};
    }
  return counters;
}

// rax counts the elements before those at hand.
std::optional<Code> write_looped_columns(const Run& run, const Rows& rows, const RowCounters& counters) {
  Body body(run, rows, counters);
  if (!body.enter()) return {};
  Assembler& a = body.a;
  const int lanes = lanes_of(run.extension), item = int(sizeof(float));
  Walks walks(body, rows.walks);
  a.xor32(rax, rax);
  walks.first_row();
  const Assembler::Label row = a.label();
  a.mov32(vectors_left, rows.columns / lanes);
  const Assembler::Label column = a.label();
  body.go_to(0, false);
  body.write(body.hoisted_registers());
  a.add(rax, lanes);
  counters.add(a, lanes * item);
  a.dec32(vectors_left);
  a.jcc(Condition::not_equal, column);
  counters.add(a, -rows.columns * item);
  walks.next_row();
  a.cmp(rax, rsi);
  a.jcc(Condition::below, row);
  body.leave();
  return body.finish();
}

}  // namespace phynexus::fused
