// One launch a level and kernel; small levels in the last block of the launch before.
#include "launch_levels.h"

#include <algorithm>

#include "handler_facts.h"

namespace phynexus::gpu {
namespace {

// In cycles of a multiprocessor: what a launch costs that waits for another one, what a level costs in a block that
// runs on (a barrier, and loads that wait), and what it costs to find out which block is the last.
constexpr int64_t cycles_of_launch = 4000, cycles_of_level = 1000, cycles_of_last = 1200;
// More blocks, in several waves, would each wait for the count.
constexpr int64_t most_blocks_before_tail = 640;

// Of a tile of a chain, with nothing beside it on its multiprocessor.
int64_t cycles_of_tile(const FusedParams& p) {
  const int64_t steps = (p.part_units + (int64_t(1) << p.lanes_log2) - 1) >> p.lanes_log2;
  constexpr int64_t around = 400, wait = 100, code = 16;
  return around + steps * (wait + code * (p.end - p.body)) + code * (p.body + p.count - p.end);
}

// The records of one level that one kernel runs.
struct Group {
  int kernel = 0;
  std::vector<Record> records;

  bool has_tails() const { return kernel == kernel_elementwise || kernel == kernel_wide; }
  int64_t tiles() const {
    int64_t sum = 0;
    for (const Record& record : records) sum += record.tiles;
    return sum;
  }
  // What it takes longer in one block than in many.
  int64_t cycles_lost(const Program& program) const {
    int64_t sum = 0, longest = 0;
    for (const Record& record : records) {
      const int64_t tile = cycles_of_tile(*reinterpret_cast<const FusedParams*>(program.at(record.params)));
      sum += record.tiles * tile;
      longest = std::max(longest, tile);
    }
    return sum - longest;
  }
};

struct Level {
  std::vector<Group> groups;
  std::vector<Launch> launches;  // products of the library last: they are segments of their own
  bool is_empty() const { return groups.empty() && launches.empty(); }
  const Group* only() const { return groups.size() == 1 && launches.empty() ? &groups[0] : nullptr; }
};

std::vector<Level> levels_of(FrameRecords& frame) {
  std::vector<Level> levels;
  const auto at = [&](int32_t level) -> Level& {
    if (size_t(level) >= levels.size()) levels.resize(size_t(level) + 1);
    return levels[size_t(level)];
  };
  for (const LevelRecord& r : frame.records) {
    std::vector<Group>& groups = at(r.level).groups;
    const int kernel = kernel_of(r.record.handler);
    const auto place =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.kernel >= kernel; });
    if (place != groups.end() && place->kernel == kernel) place->records.push_back(r.record);
    else groups.insert(place, Group{kernel, {r.record}});
  }
  for (const bool product : {false, true})
    for (Launch& launch : frame.launches)
      if (launch.product.has_value() == product) at(launch.level).launches.push_back(launch);
  for (const LoopLevels& loop : frame.loops) at(loop.last);
  return levels;
}

Launch launch_of(const Group& group, const std::vector<const Group*>& tail, int32_t level,
                 const Target& target, Program& program) {
  Launch launch;
  launch.kernel = name_of_kernel(group.kernel);
  launch.threads = target.threads;
  launch.level = level;
  launch.blocks = std::min(group.tiles(), target.most_blocks);
  launch.arguments.record_count = int32_t(group.records.size());
  std::vector<Record> records = group.records;
  for (const Group* step : tail) {
    records.insert(records.end(), step->records.begin(), step->records.end());
    records.back().barrier = step != tail.back();
  }
  launch.arguments.tail_count = int32_t(records.size() - group.records.size());
  launch.arguments.records = program.add(records);
  std::vector<int64_t> ends;
  for (const Record& record : records) {
    ends.push_back((ends.empty() ? 0 : ends.back()) + record.tiles);
    launch.shared_bytes = std::max(launch.shared_bytes, shared_bytes_of(record.handler));
    launch.instructions.push_back(record.instruction);
  }
  if (tail.empty()) {
    launch.arguments.extra = program.add(ends);
    return launch;
  }
  launch.shared_bytes = std::max(launch.shared_bytes, 16);  // whether a block is the last
  ends.push_back(0);                                        // how many have ended, for this launch alone
  launch.arguments.extra = program.append(ends.data(), int64_t(ends.size() * sizeof ends[0]), 16);
  return launch;
}

// Whether a level belongs to the tail of the launch that has those before it, and in what cycles.
bool is_tail(const Group* head, const Group* next, bool first, const Program& program) {
  if (!head || !next || next->kernel != head->kernel || !head->has_tails()) return false;
  if (head->tiles() > most_blocks_before_tail) return false;
  const int64_t gained = cycles_of_launch - cycles_of_level - (first ? cycles_of_last : 0);
  return next->cycles_lost(program) < gained;
}

}  // namespace

std::vector<Launch> launches_of(FrameRecords& frame, const Target& target, Program& program) {
  std::vector<Level> levels = levels_of(frame);
  std::vector<bool> begins(levels.size() + 1, false);  // where a loop does, or what follows it
  for (const LoopLevels& loop : frame.loops)
    begins[size_t(loop.first)] = begins[size_t(loop.last) + 1] = true;
  std::vector<int> number(levels.size(), 0);
  std::vector<Launch> launches;
  int32_t level = -1;
  for (size_t k = 0, next; k < levels.size(); k = next) {
    std::vector<const Group*> tail;
    for (next = k + 1; next < levels.size() && !begins[next]; next++) {
      if (!is_tail(levels[k].only(), levels[next].only(), tail.empty(), program)) break;
      tail.push_back(levels[next].only());
    }
    level += !levels[k].is_empty();
    for (size_t n = k; n < next; n++) number[n] = level;
    for (const Group& group : levels[k].groups)
      launches.push_back(launch_of(group, tail, level, target, program));
    for (Launch& launch : levels[k].launches) {
      launch.level = level;
      launches.push_back(std::move(launch));
    }
  }
  for (LoopLevels& loop : frame.loops) {
    loop.first = number[size_t(loop.first)];
    loop.last = number[size_t(loop.last)];
  }
  return launches;
}

}  // namespace phynexus::gpu
