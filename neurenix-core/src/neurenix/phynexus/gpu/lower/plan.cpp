// A whole plan: its constants, the launches of its frame, and which of them are repeated.
#include <algorithm>
#include <limits>
#include <set>

#include "launch_levels.h"

namespace phynexus::gpu {
namespace {

// Cut where loops begin and end.
std::vector<Segment> segments_of(const std::vector<Launch>& launches, const std::vector<LoopLevels>& loops) {
  std::set<int> cuts{std::numeric_limits<int>::max()};  // the levels that a segment ends before
  for (const LoopLevels& loop : loops) cuts.insert({loop.first, loop.last + 1});
  std::vector<Segment> segments;
  size_t next = 0;
  for (const int cut : cuts) {
    const size_t first = next;
    while (next < launches.size() && launches[next].level < cut) next++;
    if (next > first) segments.push_back({int64_t(first), int64_t(next - first)});
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
