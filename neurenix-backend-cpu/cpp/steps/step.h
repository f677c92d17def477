// The context of the CPU's steps: the threads of a frame while they run, and the kernels and code memory while they are
// lowered.
#pragma once

#include <cstdint>

#include "../codegen/x86/code_memory.h"
#include "../codegen/x86/extension.h"
#include "../kernels/contract/contract.h"
#include "../kernels/runtime_kernels.h"
#include "../memory/arena.h"
#include "engine/plan/plan.h"
#include "engine/run/lowering.h"

namespace phynexus {

struct Context {
  Worker* worker;
  Arena* arena;  // null within an iteration of a map: the step stays on this thread
};

struct Lowering : PlanLowering {
  const RuntimeKernels& kernels;
  const ContractKernels& contract;
  CodeMemory* code = nullptr;  // for what can be written as code of its own, if anything ...
  x86::Extension extension = x86::Extension::avx512;  // ... with this
  int64_t register_bytes = 0;                         // the most that a fused step has asked for
};

// f(index, worker) for each index, on all threads where the frame may use them.
template <class F>
void parallel_for(const Frame& frame, int64_t count, const F& f) {
  if (!frame.context->arena || count < 2) {
    for (int64_t i = 0; i < count; i++) f(i, *frame.context->worker);
    return;
  }
  struct Shared {
    const F& f;
    Arena& arena;
  } shared{f, *frame.context->arena};
  frame.context->arena->pool->run(
      count, frame.context->arena->threads,
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
StepPointer lower_map(Lowering&, const phx_instruction&);
StepPointer lower(Lowering&, const phx_instruction&);

}  // namespace phynexus
