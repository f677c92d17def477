// A prepared instruction, and the frame that it runs in.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../codegen/x86/code_memory.h"
#include "../kernels/contract/contract.h"
#include "../kernels/runtime_kernels.h"
#include "../memory/arena.h"
#include "engine/plan/plan.h"

namespace phynexus {

struct Frame {
  char* const* bases;  // scratch, constants, then the region's inputs and outputs
  char* workspace;     // free for the step that runs
  Worker* worker;
  Arena* arena;  // null within an iteration of a map: the step stays on this thread
};

enum Base : int32_t { base_scratch = 0, base_constants = 1, base_first_input = 2 };

// Where a value lies, once the frame is known.
struct Place {
  int32_t base = 0;
  int64_t offset = 0;
  char* at(char* const* bases) const { return bases[base] + offset; }
};

struct Step {
  virtual ~Step() = default;
  virtual void run(const Frame& frame) const = 0;
  // Of frame.workspace, with so many threads (1: as within a map).
  virtual int64_t workspace_bytes(int) const { return 0; }
  // Of each worker's memory, where it is run outside of maps with so many threads.
  virtual int64_t worker_bytes(int) const { return 0; }
};
using StepPointer = std::unique_ptr<Step>;

struct Region {
  std::vector<StepPointer> steps;
  int32_t inputs = 0, outputs = 0;
  int64_t scratch_bytes = 0;
  void run(const Frame& frame) const {
    for (const StepPointer& step : steps) step->run(frame);
  }
  int64_t workspace_bytes(int threads) const;
  int64_t worker_bytes(int threads) const;
};

// What lowering an instruction needs to know.
struct Lowering {
  const Plan& plan;
  const RuntimeKernels& kernels;
  const ContractKernels& contract;
  std::vector<Region>& regions;  // those before the current one are ready
  const phx_region* region;      // the current one
  CodeMemory* code = nullptr;    // for what can be written as code of its own, if anything
  int64_t register_bytes = 0;    // the most that a fused step has asked for

  Place place(const phx_value& value) const;
};

inline constexpr int64_t round_up(int64_t bytes) {
  return (bytes + PHX_ALIGNMENT - 1) / PHX_ALIGNMENT * PHX_ALIGNMENT;
}

// f(index, worker) for each index, on all threads where the frame may use them.
template <class F>
void parallel_for(const Frame& frame, int64_t count, const F& f) {
  if (!frame.arena || count < 2) {
    for (int64_t i = 0; i < count; i++) f(i, *frame.worker);
    return;
  }
  struct Shared {
    const F& f;
    Arena& arena;
  } shared{f, *frame.arena};
  frame.arena->pool->run(
      count, frame.arena->threads,
      [](void* context, int64_t index, int worker) {
        Shared& shared = *static_cast<Shared*>(context);
        shared.f(index, *shared.arena.workers[size_t(worker)]);
      },
      &shared);
}

// The pieces [begin, end) of [0, count), each of at least `grain`, on all threads.
template <class F>
void parallel_ranges(const Frame& frame, int64_t count, int64_t grain, const F& f) {
  const int64_t pieces = grain < 1 || count <= grain ? 1 : (count + grain - 1) / grain;
  const int64_t each = (count + pieces - 1) / (pieces > 0 ? pieces : 1);
  parallel_for(frame, pieces, [&](int64_t i, Worker& worker) {
    const int64_t begin = i * each, end = begin + each < count ? begin + each : count;
    if (begin < end) f(begin, end, worker);
  });
}

StepPointer lower_fused(Lowering&, const phx_instruction&);
StepPointer lower_argmax(Lowering&, const phx_instruction&);
StepPointer lower_cumsum(Lowering&, const phx_instruction&);
StepPointer lower_sort(Lowering&, const phx_instruction&);
StepPointer lower_copy(Lowering&, const phx_instruction&);
StepPointer lower_dot_general(Lowering&, const phx_instruction&);
StepPointer lower_convolution(Lowering&, const phx_instruction&);
StepPointer lower_cholesky(Lowering&, const phx_instruction&);
StepPointer lower_triangular_solve(Lowering&, const phx_instruction&);
StepPointer lower_lu(Lowering&, const phx_instruction&);
StepPointer lower_gather(Lowering&, const phx_instruction&);
StepPointer lower_scatter(Lowering&, const phx_instruction&);
StepPointer lower_iota(Lowering&, const phx_instruction&);
StepPointer lower_random_bits(Lowering&, const phx_instruction&);
StepPointer lower_call(Lowering&, const phx_instruction&);
StepPointer lower_scan(Lowering&, const phx_instruction&);
StepPointer lower_map(Lowering&, const phx_instruction&);
StepPointer lower(Lowering&, const phx_instruction&);

}  // namespace phynexus
