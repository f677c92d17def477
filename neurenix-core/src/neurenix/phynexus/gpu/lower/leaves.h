// A frame's work as a flat list: calls are inlined, the maps within tasks and scans that are not too long unrolled.
#pragma once

#include <deque>
#include <vector>

#include "../device/control/params.h"
#include "environment.h"
#include "hazards.h"

namespace phynexus::gpu {

// A step of a frame: an instruction, a move of bytes, the sum of a map's terms, or the begin or end of a loop.
struct Leaf {
  enum Kind { instruction, move, sum, loop_begin, loop_end, outer_loop_end } kind = instruction;
  int32_t index = 0;                         // of the instruction that it is, or is part of
  const Environment* environment = nullptr;  // of its operands
  Pointer from, to;   // of a move: bytes; of a sum: the first term, and the output's index
  int64_t bytes = 0;  // of a move; of a sum: from a term to the next
  int64_t terms = 0;  // of a sum
  int32_t output = 0;
  int32_t loop = 0;  // of a loop's begin or end: which
  bool ends_loop() const { return kind == loop_end || kind == outer_loop_end; }
};

// A scan that is not unrolled: the leaves between its begin and its end are those of any iteration, whose frame has
// bases of its own.
struct Loop {
  AdvanceLoopParams advance;
  std::vector<LoopBase> places;
};

struct Leaves {
  std::vector<Leaf> all;
  std::deque<Environment> environments;  // that leaves point to
  std::vector<Loop> loops;
  std::vector<FrameBases> frames;  // of the region, and of loops
  int32_t base_count = 0;          // of all frames
  int64_t scratch_bytes = 0;       // of the frame: that of its region, and what unrolling takes
};

// The leaves of a region with a frame of its own. Maps are unrolled within a task, else they are leaves. A scan of more
// than `most_unrolled` leaves becomes a loop.
Leaves leaves_of(const Plan& plan, size_t region, bool within_task, int64_t most_unrolled);

// The memory that a leaf reads and writes.
std::vector<Access> accesses_of(const Plan& plan, const Leaf& leaf);

// The bytes of a summed output's terms: the first byte of one, counted from its element [0, ..., 0], and how many.
struct TermBytes {
  int64_t low = 0, bytes = 0;
};
TermBytes term_bytes(const phx_value& value);

// Where a map's body finds an input or output: as its operand, moved on with each iteration.
int64_t map_stride(const phx_value& value, bool moves);

}  // namespace phynexus::gpu
