// A whole plan: its constants, the records of its frame in one launch a level and kernel, and its maps.
#include <algorithm>
#include <limits>

#include "frame_records.h"
#include "handler_facts.h"

namespace phynexus::gpu {
namespace {

// Records of one level that one kernel runs.
Launch launch_of(const std::vector<LevelRecord>& records, size_t begin, size_t end, const Target& target,
                 Program& program) {
  Launch launch;
  std::vector<Record> own;
  std::vector<int64_t> ends;
  for (size_t k = begin; k < end; k++) {
    const Record& record = records[k].record;
    own.push_back(record);
    ends.push_back((ends.empty() ? 0 : ends.back()) + record.tiles);
    launch.shared_bytes = std::max(launch.shared_bytes, shared_bytes_of(record.handler));
    launch.instructions.push_back(record.instruction);
  }
  launch.kernel = name_of_kernel(kernel_of(own[0].handler));
  launch.blocks = std::min(ends.back(), target.most_blocks);
  launch.threads = target.threads;
  launch.level = records[begin].level;
  launch.arguments.records = program.add(own);
  launch.arguments.extra = program.add(ends);
  launch.arguments.record_count = int32_t(own.size());
  return launch;
}

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
  const auto before = [](const LevelRecord& a, const LevelRecord& b) {
    const int x = kernel_of(a.record.handler), y = kernel_of(b.record.handler);
    return a.level != b.level ? a.level < b.level : x < y;
  };
  std::stable_sort(frame.records.begin(), frame.records.end(), before);
  for (size_t begin = 0, end; begin < frame.records.size(); begin = end) {
    end = begin + 1;
    while (end < frame.records.size() && !before(frame.records[begin], frame.records[end])) end++;
    lowered.launches.push_back(launch_of(frame.records, begin, end, target, lowering.program));
  }
  std::move(frame.tasks.begin(), frame.tasks.end(), std::back_inserter(lowered.launches));
  std::stable_sort(lowered.launches.begin(), lowered.launches.end(),
                   [](const Launch& a, const Launch& b) { return a.level < b.level; });
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
