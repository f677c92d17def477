#include "executable.h"

#include <alloca.h>

#include "errors.h"

namespace phynexus {

Executable::Executable(std::shared_ptr<Engine> engine, const phx_plan& source) : engine_(std::move(engine)) {
  decode(source, plan_);
  validate(plan_);
  regions_.resize(plan_.regions.size());
  Lowering lowering{plan_, *engine_->instructions.runtime, *engine_->instructions.contract, regions_,
                    nullptr};
  for (size_t r = 0; r < regions_.size(); r++) {
    const phx_region& region = plan_.regions[r];
    lowering.region = &region;
    regions_[r].inputs = region.inputs;
    regions_[r].outputs = region.outputs;
    regions_[r].scratch_bytes = region.scratch_bytes;
    for (int32_t i = 0; i < region.instructions; i++) {
      const int32_t index = region.first_instruction + i;
      const phx_instruction& instruction = plan_.instructions[size_t(index)];
      try {
        regions_[r].steps.push_back(lower(lowering, instruction));
      } catch (const Failure& failure) {
        throw Failure(failure.status,
                      format("instruction %d (%s, source line %d): %s", index,
                             opcode_name(instruction.opcode), instruction.line, failure.what()));
      }
    }
  }
  register_bytes_ = round_up(lowering.register_bytes);
}

Executable::~Executable() {
  for (const auto& arena : idle_) drop(*arena);
}

std::unique_ptr<Arena> Executable::make_arena(int threads) const {
  const Region& whole = regions_.back();
  const int64_t scratch = round_up(whole.scratch_bytes), workspace = whole.workspace_bytes(threads);
  // With one thread a map's iterations live in the workspace.
  const int64_t own = threads > 1 ? whole.worker_bytes() : 0;
  auto arena = std::make_unique<Arena>();
  arena->pool = &engine_->pool;
  arena->threads = threads;
  arena->bytes = plus(plus(scratch, workspace), times(plus(register_bytes_, own), threads));
  arena->memory = aligned_take(arena->bytes);
  arena->scratch = arena->memory;
  arena->workspace = arena->scratch + scratch;
  char* next = arena->workspace + workspace;
  for (int i = 0; i < threads; i++) {
    auto worker = std::make_unique<Worker>();
    worker->registers = next;
    worker->memory = next + register_bytes_;
    next += register_bytes_ + own;
    arena->workers.push_back(std::move(worker));
  }
  engine_->arena_bytes.fetch_add(arena->bytes, std::memory_order_relaxed);
  return arena;
}

std::unique_ptr<Arena> Executable::take_arena() {
  const int threads = engine_->pool.threads();
  std::unique_ptr<Arena> arena;
  {
    std::lock_guard lock(engine_lock());
    if (!idle_.empty()) {
      arena = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (arena && arena->threads == threads) return arena;
  if (arena) drop(*arena);
  return make_arena(threads);
}

void Executable::give_arena(std::unique_ptr<Arena> arena) {
  std::lock_guard lock(engine_lock());
  idle_.push_back(std::move(arena));
}

void Executable::run(void* const* inputs, void* const* outputs) {
  const phx_region& whole = plan_.whole_program();
  const auto check = [](void* const* pointers, const std::vector<int64_t>& bytes,
                        const std::vector<Extent>& needs, const char* what) {
    for (size_t k = 0; k < bytes.size(); k++) {
      if (!pointers || (!pointers[k] && bytes[k] > 0)) refuse(format("run: %s %zu is null", what, k));
      if (reinterpret_cast<uintptr_t>(pointers[k]) % uintptr_t(needs[k].alignment))
        refuse(format("run: %s %zu is not aligned", what, k));
    }
  };
  check(inputs, plan_.input_bytes, plan_.needs.back().inputs, "input");
  check(outputs, plan_.output_bytes, plan_.needs.back().outputs, "output");

  // Also when a step throws, the arena goes back.
  struct Lease {
    Executable& owner;
    std::unique_ptr<Arena> arena;
    ~Lease() { owner.give_arena(std::move(arena)); }
  } lease{*this, take_arena()};
  Arena& arena = *lease.arena;

  std::vector<char*> large;
  const size_t count = size_t(base_first_input) + size_t(whole.inputs) + size_t(whole.outputs);
  char* few[256];
  char** bases = few;
  if (count > 256) {
    large.resize(count);
    bases = large.data();
  }
  bases[base_scratch] = arena.scratch;
  bases[base_constants] = plan_.constants;
  char** next = bases + base_first_input;
  for (int32_t k = 0; k < whole.inputs; k++) *next++ = static_cast<char*>(inputs[k]);
  for (int32_t k = 0; k < whole.outputs; k++) *next++ = static_cast<char*>(outputs[k]);
  engine_->runs.fetch_add(1, std::memory_order_relaxed);
  regions_.back().run({bases, arena.workspace, arena.workers[0].get(), arena.threads > 1 ? &arena : nullptr});
}

}  // namespace phynexus
