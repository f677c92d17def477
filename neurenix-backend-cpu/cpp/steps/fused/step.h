// PHX_FUSED: an elementwise program over blocks that stay in the first-level cache.
//
// The iteration space is cut into blocks: as many of the innermost axes as fit, times `leading` steps along
// the next axis. Within a block every register is a dense run of elements, so each op is one call of a
// vectorised kernel. An input that is dense in the block is read where it lies; one that is a single element
// in the block is handed over as such; any other is copied into a register first. What does not change from
// block to block is computed once.
//
// With reductions, blocks are grouped: the blocks of a cell add up to the same output elements.
#pragma once

#include "engine/layout/axes.h"
#include "../step.h"

namespace phynexus {

// Slot 0 is the register file, slot k+1 the current address of operand k.
struct Source {
  int32_t slot = 0;
  int32_t offset = 0;
  char* at(char* const* slots) const { return slots[slot] + offset; }
};

// Ops that were written as code: the addresses of the operands, the number of elements.
using FusedCode = void (*)(char* const* slots, int64_t count);

struct FusedOp {
  FusedCode code = nullptr;  // instead of all that follows
  ElementKernel kernel = nullptr;
  Source out, a, b, c;
  Source fourth{-1, 0};  // its address goes to the kernel as the immediate
  int64_t immediate = 0;
  bool single = false;  // one element for the block
};

struct FusedTile {
  Tile tile;
  Source dense, strided;
  bool varies;  // its first axis is as long as the block's
};

struct FusedReduction {
  ReduceKernel reduce = nullptr;
  ElementKernel combine = nullptr;
  FirstLargestKernel first_largest = nullptr;          // of an argmax, instead of both
  std::vector<int32_t> row_positions, step_positions;  // of an argmax: row-major among what is reduced
  Source values, spare, partial, levels;               // spare: of an argmax, the largest so far
  FusedTile tile;
  bool dense = false;        // the output's elements of a cell lie together
  bool compensated = false;  // partial results are added up by levels
  bool is_float32 = false, is_max = false;
  bool in_code = false;    // the ops' code leaves the block's result where `reduce` would
  bool in_argmax = false;  // a maximum: so does an argmax of the same values
  int32_t item_bytes = 0;
  int64_t level_bytes = 0;
  int64_t saved_offset = 0;  // of a chunk's partial result in its part of the workspace
};

struct FusedLoop {
  int64_t count = 1;
  bool split = false;            // walks the pieces of the block's first axis
  std::vector<int64_t> strides;  // bytes, one for each slot but 0
};

inline constexpr int reduction_levels = 4, reduction_radix = 16;

struct FusedStep final : Step {
  std::vector<Place> places;  // inputs, then outputs
  std::vector<FusedTile> loads, first_loads, stores;
  std::vector<FusedOp> ops, first_ops;  // first_: once, before the first block
  std::vector<FusedReduction> reductions;
  std::vector<FusedLoop> loops;  // cells first, then the steps of a cell
  size_t cell_loops = 0;
  int64_t cells = 1, steps = 1, chunks = 1;
  int64_t leading = 1, inner = 1;  // elements of a block: leading * inner
  int64_t split_size = 1;          // of the axis that is cut into pieces of `leading`
  int64_t groups = 1, rows = 1, columns = 1;
  enum { none, by_groups, by_rows, by_columns } varying = none;  // which of the three `leading` multiplies
  int64_t cells_in_task = 1;
  bool worth_threads = false;
  int64_t saved_bytes = 0;  // partial results of one chunk

  void run(const Frame& frame) const override;
  int64_t workspace_bytes(int) const override { return chunks > 1 ? cells * chunks * saved_bytes : 0; }

 private:
  struct Walk;
  void start(char** slots) const;
  void block(char* const* slots, int64_t now, const RuntimeKernels& kernels) const;
  void walk_cells(char* const* bases, char* registers, int64_t first_cell, int64_t last_cell,
                  int64_t first_step, int64_t last_step, char* saved) const;
  void reduce_single(char* const* slots, int64_t now) const;
  void reduce_step(char* const* slots, int64_t now, int64_t step) const;
  void finish(char* const* slots, int64_t now, int64_t steps_done, char* saved) const;
  void merge_chunks(const Frame& frame) const;

 public:
  const RuntimeKernels* kernels = nullptr;
};

}  // namespace phynexus
