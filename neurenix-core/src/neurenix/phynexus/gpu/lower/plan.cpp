// A whole plan: its constants, the launches of its frame, and which of them are repeated.
#include <limits>

#include "launch_levels.h"

namespace phynexus::gpu {
namespace {

// What lies between loops runs once.
std::vector<Segment> segments_of(const std::vector<Launch>& launches, const std::vector<LoopLevels>& loops) {
  std::vector<Segment> segments;
  size_t next = 0;
  const auto until = [&](int level, int64_t repeats) {
    const size_t first = next;
    while (next < launches.size() && launches[next].level < level) next++;
    if (next > first) segments.push_back({int64_t(first), int64_t(next - first), repeats});
  };
  for (const LoopLevels& loop : loops) {
    until(loop.first, 1);
    until(loop.last + 1, loop.repeats);
  }
  until(std::numeric_limits<int>::max(), 1);
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
