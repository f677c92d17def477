// The prepared step of a PHX_FUSED: an element-wise program over blocks that stay in the first-level cache.
//
// The iteration space is cut into blocks: as many of the innermost axes as fit, times `leading` steps along the next
// axis. Within a block every register is a dense run of elements, so each operation is one call of a vectorised
// kernel. An input that is dense in the block is read where it lies; one that is a single element in the block is
// handed over as such; any other is copied into a register first. What does not change from block to block is
// computed once.
//
// With reductions, blocks are grouped: the blocks of a cell add up to the same output elements.
#pragma once

#include "coded.h"

namespace phynexus::fused {

// One operation by a kernel, or several by written code.
struct Call {
  CodeFunction code = nullptr;  // instead of all that follows
  ElementKernel kernel = nullptr;
  Location out = {}, a = {}, b = {}, c = {};
  Location fourth{.slot = -1};  // its address goes to the kernel as the immediate
  int64_t immediate = 0;
  bool single = false;  // one element for the block

  void operator()(char* const* slots, int64_t count) const {
    if (code) return code(slots, count);
    const int64_t last = fourth.slot < 0 ? immediate : reinterpret_cast<int64_t>(fourth.at(slots));
    kernel(out.at(slots), a.at(slots), b.at(slots), c.at(slots), single ? 1 : count, last);
  }
};

struct Reduction : PlacedReduction {
  ReduceKernel reduce = nullptr;
  ElementKernel combine = nullptr;
  FirstLargestKernel first_largest = nullptr;  // of an argmax, instead of both
};

struct BlockStep final : Step {
  const RuntimeKernels* kernels = nullptr;
  std::vector<Place> places;  // inputs, then outputs
  std::vector<PlacedTile> loads, first_loads, stores;
  std::vector<Call> calls, first_calls;  // first_: once, before the first block
  std::vector<Reduction> reductions;
  std::vector<Loop> loops;  // cells first, then the steps of a cell
  size_t cell_loops = 0;
  BlockSizes sizes;
  int64_t chunks = 1;  // of the steps of a cell
  int64_t cells_in_task = 1;
  int64_t saved_bytes = 0;  // partial results of one chunk
  bool worth_threads = false;

  void run(const Frame& frame) const override;
  int64_t workspace_bytes(int) const override { return chunks > 1 ? sizes.cells * chunks * saved_bytes : 0; }

 private:
  class Walk;
  struct Part;
  void start(char* const* slots) const;
  void block(char* const* slots, int64_t now) const;
  void store(char* const* slots, int64_t now) const;
  void walk_part(char* const* bases, char* registers, const Part& part) const;
  void reduce_whole(char* const* slots, int64_t now) const;
  void reduce_step(char* const* slots, int64_t now, int64_t step) const;
  void finish_cell(char* const* slots, int64_t now, int64_t steps_done, char* saved) const;
  void merge_chunks(const Frame& frame) const;
  void merge_cell(const Frame& frame, int64_t cell) const;
};

}  // namespace phynexus::fused
