// From the levels of a frame to launches.
#pragma once

#include "frame_records.h"

namespace phynexus::gpu {

// The records of a level are one launch for each kernel; maps and products of the library have their own. Small levels
// become the tail of the launch before. Levels are numbered anew: those of `frame.loops` too.
std::vector<Launch> launches_of(FrameRecords& frame, const Target& target, Program& program);

}  // namespace phynexus::gpu
