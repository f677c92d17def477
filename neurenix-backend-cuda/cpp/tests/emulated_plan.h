// A plan that is lowered and run on the emulator without an engine: launches in order, in memory of the host.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../../../neurenix-backend-cpu/cpp/tests/plan_builder.h"
#include "engine/plan/plan.h"
#include "engine/run/frame.h"
#include "gpu/emulator/fibers.h"
#include "gpu/emulator/launch.h"
#include "gpu/lower/launches.h"

namespace emulated {

using namespace phynexus;
using namespace phynexus::gpu;

inline Target small_target() {
  Target target;
  target.threads = 64;
  target.multiprocessors = 2;
  return target;
}

struct EmulatedPlan {
  Plan plan;
  Lowered lowered;

  EmulatedPlan(const engine_test::Builder& builder, const Target& target,
               const std::vector<int32_t>* aliases = nullptr) {
    decode(builder.plan(), plan);
    validate(plan);
    lowered = lower_plan(plan, target, aliases);
  }

  int64_t launches_of(const std::string& kernel) const {
    int64_t count = 0;
    for (const Launch& launch : lowered.launches) count += launch.kernel == kernel;
    return count;
  }
  // Those in the tails of launches too.
  int levels() const {
    int last = -1, in_tails = 0;
    for (const Launch& launch : lowered.launches) {
      last = std::max(last, launch.level);
      const Record* records =
          reinterpret_cast<const Record*>(lowered.program.data() + launch.arguments.records);
      const int32_t first = launch.arguments.record_count, tail = launch.arguments.tail_count;
      in_tails += tail > 0;
      for (int32_t k = first; k < first + tail; k++) in_tails += records[k].barrier;
    }
    return last + 1 + in_tails;
  }

  // Runs it on these buffers; scratch begins full of NaN. Returns the emulator's message.
  std::string run(const std::vector<void*>& inputs, const std::vector<void*>& outputs) const {
    std::vector<std::max_align_t> scratch(size_t(lowered.scratch_bytes) / sizeof(std::max_align_t) + 8);
    std::memset(static_cast<void*>(scratch.data()), 0xff, scratch.size() * sizeof scratch[0]);
    std::vector<std::max_align_t> program(lowered.program.size() / sizeof(std::max_align_t) + 8);
    char* const program_at = aligned(program.data());
    std::memcpy(program_at, lowered.program.data(), lowered.program.size());
    std::vector<char*> bases(size_t(lowered.pointer_count));
    bases[base_scratch] = aligned(scratch.data());
    bases[base_constants] = program_at + lowered.constants;
    size_t next = base_first_input;
    for (void* pointer : inputs) bases[next++] = static_cast<char*>(pointer);
    for (void* pointer : outputs) bases[next++] = static_cast<char*>(pointer);
    RunState state;
    std::string wrong;
    each_run(lowered.segments, [&](size_t number) {
      const Segment& segment = lowered.segments[number];
      for (int64_t k = segment.first; k < segment.first + segment.count && wrong.empty(); k++) {
        const Launch& launch = lowered.launches[size_t(k)];
        Arguments arguments = launch.arguments;
        arguments.program = program_at;
        arguments.bases = bases.data();
        arguments.state = &state;
        wrong = emulator::launch(*emulator::find_kernel(launch.kernel), &arguments, launch.blocks,
                                 launch.threads, launch.shared_bytes);
      }
    });
    return wrong;
  }

 private:
  static char* aligned(void* p) {
    return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(p) + 63) / 64 * 64);
  }
};

}  // namespace emulated
