// PHX_MAP on the whole device: a task a block, in one launch, then the sums of what the tasks leave.
#include <algorithm>

#include "../../engine/failure.h"
#include "../../engine/plan/instructions.h"
#include "../device/task.h"
#include "handler_facts.h"
#include "record_builder.h"

namespace phynexus::gpu {
namespace {

// Of tasks whose frames lie in scratch, so many for each multiprocessor are under way at once, and no more than fit in
// so many bytes.
constexpr int64_t blocks_at_once = 2, most_frame_bytes = int64_t(1) << 30;

// What each base of a task's frame is. Behind the scratch of its region there is memory for what nobody reads.
class TaskFrame {
 public:
  TaskFrame(RecordBuilder& builder, const phx_instruction& x, const Map& p, const std::vector<Sum>& sums)
      : bytes(round_up(builder.body(size_t(x.region)).scratch_bytes)) {
    own(0);
    around(builder.environment().bases[base_constants], 0);
    for (int32_t k = 0; k < x.inputs; k++) {
      const phx_value& value = builder.plan.input(x, k);
      around(builder.place(value), map_stride(value, p.mapped[size_t(k)]));
    }
    auto sum = sums.begin();
    for (int32_t k = 0; k < x.outputs; k++) {
      const phx_value* value = builder.plan.operand(x, x.inputs + k);
      if (!value) {
        unread(builder.plan.needs[size_t(x.region)].outputs[size_t(k)]);
      } else if (p.summed[size_t(k)]) {
        around(sum->first, sum->bytes);
        ++sum;
      } else {
        around(builder.place(*value), map_stride(*value, true));
      }
    }
    // Those of loops are laid out when they run.
    while (int32_t(bases.size()) < builder.body(size_t(x.region)).base_count) own(0);
  }

  std::vector<TaskBase> bases;
  int64_t bytes;

 private:
  void around(Pointer place, int64_t stride) { bases.push_back({place.base, 0, place.offset, stride}); }
  void own(int64_t offset) { bases.push_back({-1, 0, offset, 0}); }
  void unread(Extent need) {
    bytes += round_up(-std::min<int64_t>(need.low, 0));
    own(bytes);
    bytes += round_up(std::max<int64_t>(need.high, 0));
  }
};

// The records of a task in order, with a barrier after each level, and back to the begin of a loop after its last.
std::vector<Record> in_order(const FrameRecords& body) {
  std::vector<Record> records;
  for (size_t k = 0; k < body.records.size(); k++) {
    records.push_back(body.records[k].record);
    const bool last = k + 1 == body.records.size();
    records.back().barrier = !last && body.records[k].level != body.records[k + 1].level;
  }
  for (const LoopLevels& loop : body.loops) {
    const auto level_of = [](const LevelRecord& r, int level) { return r.level < level; };
    const auto begin = body.records.begin();
    const int64_t first = std::lower_bound(begin, body.records.end(), loop.first, level_of) - begin;
    const int64_t end = std::lower_bound(begin, body.records.end(), loop.last + 1, level_of) - begin;
    records[size_t(end - 1)].barrier = 1;
    records[size_t(end - 1)].loop = int32_t(end - 1 - first);
  }
  return records;
}

void add_task(RecordBuilder& builder, const phx_instruction& x, const Map& p, const std::vector<Sum>& sums) {
  const FrameRecords& body = builder.body(size_t(x.region));
  const TaskFrame frame(builder, x, p, sums);
  int32_t memory = 0;
  int last = 0;
  for (const LevelRecord& r : body.records) {
    memory = std::max(memory, shared_bytes_of(r.record.handler));
    last = std::max(last, kernel_of(r.record.handler));
  }

  Task task;
  task.iterations = p.iterations;
  task.base_count = int32_t(frame.bases.size());
  task.memory_at = int32_t((sizeof(TaskMemory) + frame.bases.size() * sizeof(char*) + 15) / 16 * 16);
  task.frame_bytes = frame.bytes;
  const int64_t behind = round_up(task.memory_at + memory);
  if (behind > builder.target.shared_bytes)
    lack(format("a task of %lld pointers in %d bytes of shared memory", (long long)task.base_count,
                builder.target.shared_bytes));
  Launch launch;
  launch.kernel = task_kernel_with(last);
  launch.threads = builder.threads();
  launch.shared_bytes = int32_t(behind);
  launch.blocks = std::min({p.iterations, p.chunk ? p.chunk : p.iterations, builder.target.most_blocks});
  if (behind + frame.bytes <= builder.target.shared_bytes) {
    task.frame_at = int32_t(behind);
    launch.shared_bytes += int32_t(frame.bytes);
  } else {
    launch.blocks = std::min({launch.blocks, blocks_at_once * builder.target.multiprocessors,
                              std::max<int64_t>(most_frame_bytes / frame.bytes, 1)});
    const Pointer frames = builder.workspace(frame.bytes * launch.blocks);
    task.frames_base = frames.base;
    task.frames = frames.offset;
  }
  if (!builder.writes()) return;
  std::vector<char> bytes(sizeof task + frame.bases.size() * sizeof(TaskBase));
  std::memcpy(bytes.data(), &task, sizeof task);
  std::memcpy(bytes.data() + sizeof task, frame.bases.data(), frame.bases.size() * sizeof(TaskBase));
  launch.arguments.extra = builder.program.add(bytes);
  launch.arguments.records = builder.program.add(in_order(body));
  launch.arguments.record_count = int32_t(body.records.size());
  for (const LevelRecord& r : body.records) launch.instructions.push_back(r.record.instruction);
  builder.add_launch(std::move(launch));
}

}  // namespace

void lower_map(RecordBuilder& builder, const phx_instruction& x) {
  const Map p = read_params<Map>(builder.plan, x);
  std::vector<Sum> sums;
  for (int32_t k = 0; k < x.outputs; k++) {
    const phx_value* value = builder.plan.operand(x, x.inputs + k);
    if (!value || !p.summed[size_t(k)]) continue;
    const TermBytes term = term_bytes(*value);
    sums.push_back(
        Sum{value, moved(builder.workspace(times(term.bytes, p.iterations)), -term.low), term.bytes});
  }
  if (p.iterations > 0) add_task(builder, x, p, sums);
  if (sums.empty()) return;
  builder.next_phase();
  lower_sums(builder, sums, p.iterations);
}

}  // namespace phynexus::gpu
