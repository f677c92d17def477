// Lists the launches of a plan, without a device, as text: for benchmarks/gpu_model.py, in the emulated library only.
//
//   launch KERNEL BLOCKS THREADS SHARED_BYTES LEVEL REPEATS ITERATIONS FRAME_IN_SHARED_MEMORY
//   record HANDLER INSTRUCTION TILES BARRIER TIMES UNITS
//   tail HANDLER INSTRUCTION TILES BARRIER TIMES UNITS
//   scratch BYTES
//
// ITERATIONS is 0 where the launch is no map's tasks; TIMES is how often a task runs the record; UNITS, of a chain, how
// many runs of elements it goes through. A tail is run by the launch's last block.
#include <algorithm>
#include <string>

#include "engine/failure.h"
#include "gpu/device/handlers.h"
#include "gpu/device/task.h"
#include "gpu/lower/handler_facts.h"
#include "gpu/lower/launches.h"

namespace phynexus {
namespace {

using namespace gpu;

const char* name_of(int32_t handler) {
  static constexpr const char* names[] = {
#define X(name, Params, kernel) #name,
      PHYNEXUS_HANDLERS(X)
#undef X
  };
  return names[handler];
}

template <class T>
const T& in_program(const Lowered& lowered, int64_t at) {
  return *reinterpret_cast<const T*>(lowered.program.data() + at);
}

void list_records(const Lowered& lowered, const Launch& launch, std::string& text) {
  const int32_t first_of_tail = launch.arguments.record_count,
                count = first_of_tail + launch.arguments.tail_count;
  const Record* records = &in_program<Record>(lowered, launch.arguments.records);
  std::vector<int64_t> times(size_t(count), 1);
  for (int32_t k = 0; k < count; k++) {
    if (!records[k].loop) continue;
    const int32_t first = k - records[k].loop;
    const int64_t length = in_program<AdvanceLoopParams>(lowered, records[first].params).length;
    for (int32_t r = first; r <= k; r++) times[size_t(r)] *= length;
  }
  for (int32_t k = 0; k < count; k++) {
    int64_t units = 1;
    if (records[k].handler == handler_fused || records[k].handler == handler_fused_wide) {
      const FusedParams& p = in_program<FusedParams>(lowered, records[k].params);
      units = p.kept_units * (p.split ? p.part_units : p.reduced_units);
    }
    text += format("%s %s %d %lld %d %lld %lld\n", k < first_of_tail ? "record" : "tail",
                   name_of(records[k].handler), records[k].instruction, (long long)records[k].tiles,
                   records[k].barrier, (long long)times[size_t(k)], (long long)units);
  }
}

std::string listed(const Plan& plan, const Target& target, const std::vector<int32_t>& aliases) {
  const Lowered lowered = lower_plan(plan, target, &aliases);
  std::string text;
  std::vector<int64_t> repeats(lowered.segments.size(), 0);
  for (size_t k = 0; k < repeats.size(); k++) {
    const Segment& end = lowered.segments[k];
    for (size_t n = k - size_t(end.back); n <= k; n++)
      repeats[n] = std::max<int64_t>(repeats[n], 1) * end.repeats;
  }
  for (size_t s = 0; s < repeats.size(); s++) {
    const Segment& segment = lowered.segments[s];
    for (int64_t k = segment.first; k < segment.first + segment.count; k++) {
      const Launch& launch = lowered.launches[size_t(k)];
      const bool is_task = is_task_kernel(launch.kernel);
      const Task* task = is_task ? &in_program<Task>(lowered, launch.arguments.extra) : nullptr;
      text += format("launch %s %lld %d %d %d %lld %lld %d\n", launch.kernel, (long long)launch.blocks,
                     launch.threads, launch.shared_bytes, launch.level, (long long)repeats[s],
                     (long long)(task ? task->iterations : 0), task && task->frame_at >= 0);
      list_records(lowered, launch, text);
    }
  }
  text += format("scratch %lld\n", (long long)lowered.scratch_bytes);
  return text;
}

}  // namespace

// The first `state` outputs take the place of as many inputs. The text, valid until this thread's next call; for a plan
// that cannot be lowered "error" and why.
extern "C" __attribute__((visibility("default"))) const char* phynexus_list_launches(
    const phx_plan* source, int32_t state, int32_t multiprocessors, int32_t shared_bytes, int32_t precision) {
  static thread_local std::string text;
  try {
    Plan plan;
    decode(*source, plan);
    validate(plan);
    Target target;
    target.multiprocessors = multiprocessors;
    target.shared_bytes = shared_bytes;
    target.tensor_cores = true;
    target.precision = precision;
    std::vector<int32_t> aliases(size_t(plan.whole_program().outputs), -1);
    for (int32_t k = 0; k < state; k++) aliases[size_t(k)] = k;
    text = listed(plan, target, aliases);
  } catch (const std::exception& failure) {
    text = std::string("error ") + failure.what();
  }
  return text.c_str();
}

}  // namespace phynexus
