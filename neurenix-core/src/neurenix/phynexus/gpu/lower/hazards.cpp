// Keeps, for pieces of memory, when they were last written and read.
#include "hazards.h"

#include <algorithm>
#include <limits>

#include "../../engine/run/frame.h"

namespace phynexus::gpu {
namespace {

// Nothing writes to constants.
bool counts(const Access& access) { return access.low < access.high && access.base != base_constants; }

}  // namespace

Hazards::Hazards(int32_t base_count, const std::vector<FrameBases>& frames) : bases_(size_t(base_count)) {
  for (int32_t k = 0; k < base_count; k++) {
    bases_[size_t(k)].same = k;
    bases_[size_t(k)].cells.emplace(std::numeric_limits<int64_t>::min(), Cell{});
  }
  for (const FrameBases& frame : frames) {
    for (int32_t k = 0; k < int32_t(frame.same.size()); k++)
      if (frame.same[size_t(k)] >= 0)
        bases_[size_t(frame.first_input + frame.inputs + k)].same = frame.first_input + frame.same[size_t(k)];
    if (!frame.may_alias) continue;
    for (int32_t k = 0; k < frame.inputs + frame.outputs; k++) {
      Base& base = bases_[size_t(frame.first_input + k)];
      base.mixed = int32_t(mixed_.size());
      base.is_input = k < frame.inputs;
    }
    mixed_.emplace_back();
  }
}

Hazards::Cells::iterator Hazards::split(Cells& cells, int64_t at) {
  const auto next = cells.lower_bound(at);
  if (next != cells.end() && next->first == at) return next;
  return cells.emplace_hint(next, at, std::prev(next)->second);
}

int Hazards::first_level(const std::vector<Access>& accesses) const {
  int last = fence_ - 1;
  for (const Access& access : accesses) {
    if (!counts(access)) continue;
    const Base& base = bases_[size_t(access.base)];
    const Cells& cells = bases_[size_t(base.same)].cells;
    const auto end = cells.lower_bound(access.high);
    for (auto cell = std::prev(cells.upper_bound(access.low)); cell != end; ++cell) {
      last = std::max(last, cell->second.written);
      if (access.writes) last = std::max(last, cell->second.read);
    }
    if (base.mixed < 0) continue;
    const Mixed& mixed = mixed_[size_t(base.mixed)];
    if (base.is_input) last = std::max(last, mixed.outputs_written);
    else if (access.writes) last = std::max(last, mixed.inputs_read);
  }
  return last + 1;
}

void Hazards::record(const std::vector<Access>& accesses, int level) {
  last_ = std::max(last_, level);
  for (const Access& access : accesses) {
    if (!counts(access)) continue;
    const Base& base = bases_[size_t(access.base)];
    Cells& cells = bases_[size_t(base.same)].cells;
    const auto first = split(cells, access.low), end = split(cells, access.high);
    for (auto cell = first; cell != end; ++cell) {
      int& last = access.writes ? cell->second.written : cell->second.read;
      last = std::max(last, level);
    }
    if (base.mixed < 0) continue;
    Mixed& mixed = mixed_[size_t(base.mixed)];
    if (base.is_input) mixed.inputs_read = std::max(mixed.inputs_read, level);
    else if (access.writes) mixed.outputs_written = std::max(mixed.outputs_written, level);
  }
}

}  // namespace phynexus::gpu
