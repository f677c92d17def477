// Keeps, for pieces of memory, when they were last written and read.
#include "hazards.h"

#include <algorithm>
#include <limits>

#include "../../engine/run/frame.h"

namespace phynexus::gpu {

Hazards::Hazards(int32_t inputs, int32_t outputs, bool may_alias, const std::vector<int32_t>* aliases)
    : inputs_(inputs), may_alias_(may_alias && !aliases) {
  const int32_t count = base_first_input + inputs + outputs;
  for (int32_t k = 0; k < count; k++) same_.push_back(k);
  if (aliases)
    for (int32_t k = 0; k < outputs; k++)
      if ((*aliases)[size_t(k)] >= 0)
        same_[size_t(base_first_input + inputs + k)] = base_first_input + (*aliases)[size_t(k)];
  cells_.resize(size_t(count));
  for (Cells& cells : cells_) cells.emplace(std::numeric_limits<int64_t>::min(), Cell{});
}

bool Hazards::is_input(int32_t base) const {
  return base >= base_first_input && base < base_first_input + inputs_;
}
bool Hazards::is_output(int32_t base) const { return base >= base_first_input + inputs_; }

Hazards::Cells::iterator Hazards::split(int32_t base, int64_t at) {
  Cells& cells = cells_[size_t(base)];
  const auto next = cells.lower_bound(at);
  if (next != cells.end() && next->first == at) return next;
  return cells.emplace_hint(next, at, std::prev(next)->second);
}

int Hazards::first_level(const std::vector<Access>& accesses) {
  int last = -1;
  for (const Access& access : accesses) {
    if (access.low >= access.high || access.base == base_constants) continue;
    const Cells& cells = cells_[size_t(same_[size_t(access.base)])];
    const auto end = cells.lower_bound(access.high);
    for (auto cell = std::prev(cells.upper_bound(access.low)); cell != end; ++cell) {
      last = std::max(last, cell->second.written);
      if (access.writes) last = std::max(last, cell->second.read);
    }
    if (!may_alias_) continue;
    if (is_input(access.base)) last = std::max(last, outputs_written_);
    if (is_output(access.base) && access.writes) last = std::max(last, inputs_read_);
  }
  return last + 1;
}

void Hazards::record(const std::vector<Access>& accesses, int level) {
  for (const Access& access : accesses) {
    if (access.low >= access.high || access.base == base_constants) continue;
    const int32_t base = same_[size_t(access.base)];
    const auto first = split(base, access.low), end = split(base, access.high);
    for (auto cell = first; cell != end; ++cell) {
      int& last = access.writes ? cell->second.written : cell->second.read;
      last = std::max(last, level);
    }
    if (is_input(access.base)) inputs_read_ = std::max(inputs_read_, level);
    if (is_output(access.base) && access.writes) outputs_written_ = std::max(outputs_written_, level);
  }
}

}  // namespace phynexus::gpu
