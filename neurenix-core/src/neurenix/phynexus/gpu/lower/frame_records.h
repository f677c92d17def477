// All records of a frame, with the level of each: what the whole device runs, or one task.
#pragma once

#include <map>
#include <vector>

#include "builder.h"
#include "launches.h"
#include "leaves.h"
#include "program.h"

namespace phynexus::gpu {

struct LevelRecord {
  int32_t level = 0;
  Record record;
};

// The levels that run `repeats` times in a row. The first of them has an advance_loop and nothing else. A loop within
// another one begins and ends between that one's first level and last.
struct LoopLevels {
  int first = 0, last = 0;
  int64_t repeats = 1;
};

struct FrameRecords {
  std::vector<LevelRecord> records;  // by level
  std::vector<Launch> launches;      // of the whole device: maps, and products of the library
  std::vector<LoopLevels> loops;     // by their first levels
  int32_t base_count = 0;            // of the frame and of its loops' frames
  int64_t scratch_bytes = 0;         // of the frame: the regions', what unrolling takes, and workspaces
};

// What the frames of one plan share while they are lowered.
struct Lowering {
  const Plan& plan;
  const Target& target;
  Program program;
  std::map<size_t, FrameRecords> bodies;  // of maps, by region
};

// Lowers a region with a frame of its own. `aliases` as in lower_plan.
FrameRecords lower_frame(Lowering& lowering, size_t region, bool within_task,
                         const std::vector<int32_t>* aliases);

}  // namespace phynexus::gpu
