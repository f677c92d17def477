// A whole plan: its constants, the launches of its frame, and which of them are repeated.
#include <algorithm>
#include <set>

#include "launch_levels.h"

namespace phynexus::gpu {
namespace {

// Cut where loops begin and end, and around each product of the library.
std::vector<Segment> segments_of(const std::vector<Launch>& launches, const std::vector<LoopLevels>& loops) {
  std::set<int> cuts;  // the levels that a segment ends before
  for (const LoopLevels& loop : loops) cuts.insert({loop.first, loop.last + 1});
  const auto is_cut = [&](const Launch& before, const Launch& behind) {
    const auto next = cuts.upper_bound(before.level);
    return before.product || behind.product || (next != cuts.end() && *next <= behind.level);
  };
  std::vector<Segment> segments;
  for (size_t k = 0; k < launches.size(); k++) {
    if (k == 0 || is_cut(launches[k - 1], launches[k])) segments.push_back({int64_t(k), 0});
    segments.back().count++;
  }
  const auto before = [&](int level) {  // how many segments lie before it
    return std::count_if(segments.begin(), segments.end(),
                         [&](const Segment& s) { return launches[size_t(s.first)].level < level; });
  };
  for (const LoopLevels& loop : loops) {
    Segment& last = segments[size_t(before(loop.last + 1) - 1)];
    last.back = &last - &segments[size_t(before(loop.first))];
    last.repeats = loop.repeats;
  }
  return segments;
}

}  // namespace

Lowered lower_plan(const Plan& plan, const Target& target, const std::vector<int32_t>* aliases) {
  Lowered lowered;
  Lowering lowering{plan, target, {}, {}};
  lowered.constants = lowering.program.append(plan.constants, plan.constant_bytes, PHX_ALIGNMENT);
  FrameRecords frame = lower_frame(lowering, plan.regions.size() - 1, false, aliases);
  lowered.launches = launches_of(frame, target, lowering.program);
  lowered.segments = segments_of(lowered.launches, frame.loops);
  for (const Launch& launch : lowered.launches) lowered.has_library_products |= launch.product.has_value();
  lowered.scratch_bytes = frame.scratch_bytes;
  lowered.inputs = plan.whole_program().inputs;
  lowered.outputs = plan.whole_program().outputs;
  lowered.pointer_count = frame.base_count;
  // A kernel fetches parameters ahead, in whole lines.
  lowering.program.append(std::vector<char>(512).data(), 512, 16);
  lowered.program = lowering.program.take();
  return lowered;
}

}  // namespace phynexus::gpu
