// Who waits for whom, how late each may be, and then a level for each, in order.
#include "together.h"

#include <algorithm>
#include <limits>
#include <map>

#include "../../engine/run/frame.h"

namespace phynexus::gpu {
namespace {

constexpr int most_levels_looked_at = 256;

// For pieces of memory, the last step that wrote there, and those that have read it since.
class Users {
 public:
  Users(int32_t base_count, const std::vector<FrameBases>& frames)
      : bases_(size_t(base_count)), same_(bases_.size()) {
    for (size_t k = 0; k < bases_.size(); k++) {
      same_[k] = int32_t(k);
      bases_[k].emplace(std::numeric_limits<int64_t>::min(), Cell{});
    }
    for (const FrameBases& frame : frames)
      for (int32_t k = 0; k < int32_t(frame.same.size()); k++)
        if (frame.same[size_t(k)] >= 0)
          same_[size_t(frame.first_input + frame.inputs + k)] = frame.first_input + frame.same[size_t(k)];
  }

  // The steps that `step` waits for; what it does then comes after them.
  std::vector<int> waits(int step, const std::vector<Access>& accesses) {
    std::vector<int> before;
    for (const bool writes : {false, true})
      for (const Access& access : accesses) {
        if (access.writes != writes || access.low >= access.high || access.base == base_constants) continue;
        auto& cells = bases_[size_t(same_[size_t(access.base)])];
        const auto first = split(cells, access.low), end = split(cells, access.high);
        for (auto at = first; at != end; ++at) {
          Cell& cell = at->second;
          if (cell.writer >= 0) before.push_back(cell.writer);
          if (!writes) {
            if (cell.readers.empty() || cell.readers.back() != step) cell.readers.push_back(step);
            continue;
          }
          before.insert(before.end(), cell.readers.begin(), cell.readers.end());
          cell = {step, {}};
        }
      }
    std::erase(before, step);
    std::sort(before.begin(), before.end());
    before.erase(std::unique(before.begin(), before.end()), before.end());
    return before;
  }

 private:
  struct Cell {
    int writer = -1;
    std::vector<int> readers;
  };
  using Cells = std::map<int64_t, Cell>;
  static Cells::iterator split(Cells& cells, int64_t at) {
    const auto next = cells.lower_bound(at);
    if (next != cells.end() && next->first == at) return next;
    return cells.emplace_hint(next, at, std::prev(next)->second);
  }

  std::vector<Cells> bases_;
  std::vector<int32_t> same_;
};

}  // namespace

void bring_together(std::vector<Timed>& steps, const std::vector<std::vector<Access>>& accesses,
                    int32_t base_count, const std::vector<FrameBases>& frames) {
  const int count = int(steps.size());
  const auto phases = [&](int k) { return int(steps[size_t(k)].kernels.size()); };
  Users users(base_count, frames);
  std::vector<std::vector<int>> waits;
  int levels = 0;
  for (int k = 0; k < count; k++) {
    waits.push_back(users.waits(k, accesses[size_t(k)]));
    levels = std::max(levels, steps[size_t(k)].first_level + phases(k));
  }
  std::vector<int> latest(size_t(count), levels);
  for (int k = count - 1; k >= 0; k--) {
    latest[size_t(k)] -= phases(k);
    for (const int before : waits[size_t(k)])
      latest[size_t(before)] = std::min(latest[size_t(before)], latest[size_t(k)]);
  }
  std::vector<uint32_t> running(size_t(levels), 0);  // kernels
  const auto run = [&](const Timed& step) {
    for (size_t phase = 0; phase < step.kernels.size(); phase++)
      running[size_t(step.first_level) + phase] |= step.kernels[phase];
  };
  for (int k = 0; k < count; k++)
    if (steps[size_t(k)].first_level == latest[size_t(k)]) run(steps[size_t(k)]);
  for (int k = 0; k < count; k++) {
    Timed& step = steps[size_t(k)];
    if (step.first_level == latest[size_t(k)]) continue;
    int first = 0, fewest = std::numeric_limits<int>::max();
    for (const int before : waits[size_t(k)])
      first = std::max(first, steps[size_t(before)].first_level + phases(before));
    const int last = std::min(latest[size_t(k)], first + most_levels_looked_at);
    for (int level = first; level <= last && fewest > 0; level++) {
      int alone = 0;
      for (int phase = 0; phase < phases(k); phase++)
        alone += (step.kernels[size_t(phase)] & ~running[size_t(level + phase)]) != 0;
      if (alone < fewest) fewest = alone, step.first_level = level;
    }
    run(step);
  }
}

}  // namespace phynexus::gpu
