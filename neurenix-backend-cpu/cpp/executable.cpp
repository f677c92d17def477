// Makes a plan ready for the CPU, and runs it in an arena.
#include "executable.h"

#include <chrono>
#include <iterator>

#include "engine/failure.h"
#include "engine/plan/declared.h"
#include "gaps.h"

namespace phynexus {

Executable::Executable(std::shared_ptr<Engine> engine, const phx_plan& source) : engine_(std::move(engine)) {
  decode(source, plan_);
  validate(plan_);
  phx_capabilities declared{};
  declared.struct_size = sizeof declared;
  describe(*engine_, declared);
  refuse_undeclared(plan_, declared);
  check_gaps(plan_);
  regions_ = lower_regions(nullptr);
}

std::vector<Region> Executable::lower_regions(Costs* costs) {
  std::vector<Region> regions(plan_.regions.size());
  Lowering lowering{plan_, *engine_->instructions.runtime, *engine_->instructions.contract, regions, nullptr};
  if (engine_->instructions.writes_code && CodeMemory::usable()) lowering.code = &code_;
  for (size_t r = 0; r < regions.size(); r++) {
    const phx_region& region = plan_.regions[r];
    lowering.region = &region;
    regions[r].inputs = region.inputs;
    regions[r].outputs = region.outputs;
    regions[r].scratch_bytes = region.scratch_bytes;
    for (int32_t i = 0; i < region.instructions; i++) {
      const int32_t index = region.first_instruction + i;
      const phx_instruction& instruction = plan_.instructions[size_t(index)];
      try {
        StepPointer step = lower(lowering, instruction);
        if (costs) step = std::make_unique<TimedStep>(std::move(step), *costs, size_t(index));
        regions[r].steps.push_back(std::move(step));
      } catch (const Failure& failure) {
        throw Failure(failure.status,
                      format("instruction %d (%s, source line %d): %s", index,
                             opcode_name(instruction.opcode), instruction.line, failure.what()));
      }
    }
  }
  if (!costs) register_bytes_ = round_up(lowering.register_bytes);  // the same the second time
  if (!code_.seal())
    throw Failure(PHX_DEVICE_ERROR,
                  "the system does not let written code be executed; NEURENIX_CPU_CODE=0 does without it");
  return regions;
}

Executable::~Executable() {
  // What it alone may have needed is not kept for those that remain.
  constexpr int64_t most = ArenaPool::most_idle_bytes;
  for (const auto& needs : known_needs_)
    if (needs->bytes > most) engine_->arenas.let_go(most);
}

const ArenaNeeds& Executable::needs() {
  const int threads = engine_->pool.threads();
  const ArenaNeeds* last = needs_.load(std::memory_order_acquire);
  if (last && last->threads == threads) return *last;
  const Region& whole = regions_.back();
  auto made = std::make_unique<ArenaNeeds>();
  made->threads = threads;
  made->scratch = round_up(whole.scratch_bytes);
  made->workspace = round_up(whole.workspace_bytes(threads));
  made->registers = register_bytes_;
  // With one thread a map's iterations live in the workspace.
  made->own = threads > 1 ? round_up(whole.worker_bytes(threads)) : 0;
  made->bytes =
      plus(plus(made->scratch, made->workspace), times(plus(made->registers, made->own), made->threads));
  std::lock_guard lock(engine_lock());
  for (const auto& known : known_needs_)
    if (*known == *made) return needs_.store(known.get(), std::memory_order_release), *known;
  needs_.store(made.get(), std::memory_order_release);
  return *known_needs_.emplace_back(std::move(made));
}

const Region& Executable::whole_program() {
  if (!engine_->profiling.load(std::memory_order_relaxed)) return regions_.back();
  std::lock_guard lock(profiled_);
  if (timed_.empty()) {
    costs_ = std::make_unique<Costs>(plan_.instructions.size());
    timed_ = lower_regions(costs_.get());
  }
  return timed_.back();
}

void Executable::take_costs(phx_cost* costs, int32_t capacity) {
  if (capacity < 0 || size_t(capacity) < plan_.instructions.size())
    refuse(format("read_profile: room for %d instructions, and the plan has %zu", capacity,
                  plan_.instructions.size()));
  std::lock_guard lock(profiled_);
  for (size_t i = 0; i < plan_.instructions.size(); i++) costs[i] = costs_ ? costs_->take(i) : phx_cost{0, 0};
}

void Executable::check(void* const* inputs, void* const* outputs) const {
  const auto check_all = [](void* const* pointers, const std::vector<int64_t>& bytes,
                            const std::vector<Extent>& needs, const char* what) {
    for (size_t k = 0; k < bytes.size(); k++) {
      if (!pointers || (!pointers[k] && bytes[k] > 0)) refuse(format("run: %s %zu is null", what, k));
      if (reinterpret_cast<uintptr_t>(pointers[k]) % uintptr_t(needs[k].alignment))
        refuse(format("run: %s %zu is not aligned", what, k));
    }
  };
  check_all(inputs, plan_.input_bytes, plan_.needs.back().inputs, "input");
  check_all(outputs, plan_.output_bytes, plan_.needs.back().outputs, "output");
}

// Holds an arena, which goes back also when a step throws.
class Executable::Entry {
 public:
  Entry(Executable& owner, void* const* inputs, void* const* outputs)
      : owner_(owner), whole_(owner.whole_program()), arena_(owner.engine_->arenas.take(owner.needs())) {
    const size_t count = size_t(base_first_input) + size_t(whole_.inputs) + size_t(whole_.outputs);
    if (count > std::size(few_)) {
      many_.resize(count);
      bases_ = many_.data();
    }
    bases_[base_scratch] = arena_->scratch;
    bases_[base_constants] = owner.plan_.constants;
    char** next = bases_ + base_first_input;
    for (int32_t k = 0; k < whole_.inputs; k++) *next++ = static_cast<char*>(inputs[k]);
    for (int32_t k = 0; k < whole_.outputs; k++) *next++ = static_cast<char*>(outputs[k]);
    owner.engine_->runs.fetch_add(1, std::memory_order_relaxed);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() { owner_.engine_->arenas.give(std::move(arena_)); }

  void run() {
    Arena& arena = *arena_;
    whole_.run({bases_, arena.workspace, arena.workers[0].get(), arena.threads > 1 ? &arena : nullptr});
  }
  void move(const phx_steps& steps, int64_t by) {
    char** next = bases_ + base_first_input;
    for (int32_t k = 0; k < whole_.inputs; k++) *next++ += by * steps.input_strides[k];
    for (int32_t k = 0; k < whole_.outputs; k++) *next++ += by * steps.output_strides[k];
  }
  const char* output(int32_t k) const { return bases_[base_first_input + whole_.inputs + k]; }

 private:
  Executable& owner_;
  const Region& whole_;
  std::unique_ptr<Arena> arena_;
  std::vector<char*> many_;
  char* few_[256];
  char** bases_ = few_;
};

void Executable::run(void* const* inputs, void* const* outputs) {
  check(inputs, outputs);
  Entry(*this, inputs, outputs).run();
}

void Executable::run_steps(phx_steps& steps) {
  using Clock = std::chrono::steady_clock;
  const auto check_strides = [](const int64_t* strides, const std::vector<int64_t>& bytes,
                                const std::vector<Extent>& needs, const char* what) {
    for (size_t k = 0; k < bytes.size(); k++) {
      if (!strides) refuse(format("run_steps: there are no strides of the %ss", what));
      if (strides[k] && (strides[k] < bytes[k] || strides[k] % needs[k].alignment))
        refuse(format("run_steps: %s %zu of %lld bytes moves by %lld", what, k,
                      static_cast<long long>(bytes[k]), static_cast<long long>(strides[k])));
    }
  };
  check(steps.inputs, steps.outputs);
  check_strides(steps.input_strides, plan_.input_bytes, plan_.needs.back().inputs, "input");
  check_strides(steps.output_strides, plan_.output_bytes, plan_.needs.back().outputs, "output");
  require(steps.done >= 0 && steps.done <= steps.count && steps.nanoseconds >= 0,
          "run_steps: more steps done than there are, or a negative number");
  const int32_t ok = steps.ok_output;
  require(ok >= -1 && ok < plan_.whole_program().outputs && (ok < 0 || plan_.output_bytes[size_t(ok)] == 1),
          "run_steps: ok_output is none of one byte");

  steps.stopped = 0;
  if (steps.done == steps.count) return;
  const auto end = Clock::now() + std::chrono::nanoseconds(steps.nanoseconds);
  Entry entry(*this, steps.inputs, steps.outputs);
  entry.move(steps, steps.done);
  for (;;) {
    entry.run();
    steps.done++;
    if (ok >= 0 && !*entry.output(ok)) {
      steps.stopped = 1;
      return;
    }
    if (steps.done == steps.count || (steps.nanoseconds && Clock::now() >= end)) return;
    entry.move(steps, 1);
  }
}

}  // namespace phynexus
