// The engine: memory, plans made ready, runs. What each has to do is in phynexus.h, and what is checked before it is
// called, in engine/engine.h; both lie in the folder that `python -m neurenix.phynexus --include-dir` prints.
#include "engine/engine.h"

#include <cstring>

#include "engine/failure.h"
#include "engine/host_memory.h"
#include "engine/run/pool.h"
#include "engine/run/prepared_steps.h"
#include "kernels.h"
#include "numbers.h"

namespace phynexus {

// One thread, and memory of the host: a run has nothing beside its pointers.
struct Context {};

void copy_bytes(const Frame&, char* to, const char* from, int64_t bytes) {
  std::memmove(to, from, size_t(bytes));
}

}  // namespace phynexus

namespace template_c {
namespace {

using namespace phynexus;

// What a run writes between its instructions. Runs at the same time have one each.
struct Scratch {
  explicit Scratch(int64_t bytes) : memory(aligned_take(bytes)) {}
  ~Scratch() { aligned_give(memory); }
  char* const memory;
};

class Program final : public Executable {
 public:
  Program(const Engine& engine, std::unique_ptr<const Plan> plan)
      : Executable(std::move(plan)),
        engine_(engine),
        steps_(plan_->instructions.size(), [this](Costs* costs) { return lower(costs); }) {
    const Region& whole = steps_.whole_program();
    scratch_bytes_ = round_up(whole.scratch_bytes);
    bytes_ = scratch_bytes_ + whole.workspace_bytes(1);
  }

 private:
  std::vector<Region> lower(Costs* costs) {
    std::vector<Region> regions;
    PlanLowering lowering{*plan_, regions};
    lower_regions(lowering, costs, [&](const phx_instruction& instruction) -> StepPointer {
      switch (instruction.opcode) {
        case PHX_CALL: return lower_call(lowering, instruction);
        case PHX_SCAN: return lower_scan(lowering, instruction);
        default: return std::make_unique<Kernel>(lowering, instruction);
      }
    });
    return regions;
  }

  void execute(Series& series) override {
    const Lease<Pool<Scratch>> scratch(pool_, [&] { return std::make_unique<Scratch>(bytes_); });
    series.bases()[base_scratch] = scratch->memory;
    series.bases()[base_constants] = plan_->constants;
    const Frame frame{series.bases(), scratch->memory + scratch_bytes_, nullptr};
    const Region& whole = engine_.profiling ? steps_.timed_program() : steps_.whole_program();
    do {
      whole.run(frame);
    } while (series.next(series.left_ok()));
  }

  void read_costs(phx_cost* costs) override { steps_.take_costs(costs); }

  const Engine& engine_;
  PreparedSteps steps_;
  int64_t scratch_bytes_ = 0, bytes_ = 0;
  Pool<Scratch> pool_;
};

class TemplateEngine final : public Engine {
 public:
  void describe(phx_capabilities& out) const override {
    for (int dtype : {PHX_FLOAT32, PHX_FLOAT64, PHX_INT32, PHX_INT64, PHX_UINT8, PHX_UINT32, PHX_BOOL})
      out.dtypes |= 1u << dtype;
    for (int opcode = 0; opcode < PHX_OPCODE_COUNT; opcode++)
      out.opcodes[opcode] = has_kernel(opcode) || has_element(opcode);
    for (int opcode : {PHX_SUM, PHX_CALL, PHX_SCAN}) out.opcodes[opcode] = 1;
    out.threads = out.host_visible = 1;
    std::strcpy(out.name, "plain C++, as a template");
  }

  // A block's size stands in front of it.
  void* allocate(int64_t bytes) override {
    char* block = aligned_take(bytes + PHX_ALIGNMENT);
    std::memcpy(block, &bytes, sizeof bytes);
    const int64_t now = allocated_.fetch_add(bytes) + bytes;
    int64_t peak = peak_.load();
    while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
    }
    return block + PHX_ALIGNMENT;
  }
  void release(void* pointer) override {
    char* block = static_cast<char*>(pointer) - PHX_ALIGNMENT;
    int64_t bytes;
    std::memcpy(&bytes, block, sizeof bytes);
    allocated_.fetch_sub(bytes);
    aligned_give(block);
  }
  void upload(void* device, const void* host, int64_t bytes) override {
    std::memcpy(device, host, size_t(bytes));
  }
  void download(void* host, const void* device, int64_t bytes) override {
    std::memcpy(host, device, size_t(bytes));
  }
  void memory_stats(phx_memory_stats& out) const override {
    out.allocated_bytes = allocated_;
    out.peak_bytes = peak_;
  }
  std::unique_ptr<Executable> compile(std::unique_ptr<const Plan> plan) override {
    return std::make_unique<Program>(*this, std::move(plan));
  }

 private:
  std::atomic<int64_t> allocated_{0}, peak_{0};
};

}  // namespace
}  // namespace template_c

const phynexus::Library phynexus::library = {
    .version = "0.1.0",
    .device_count = [] { return 1; },
    .create = [](int32_t, int32_t) -> std::shared_ptr<Engine> {
      return std::make_shared<template_c::TemplateEngine>();
    },
};
