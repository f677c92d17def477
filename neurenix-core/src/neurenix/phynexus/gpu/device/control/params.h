// The handlers that the regions of a plan need: the frames of loops, moves of carries, and the sums of maps.
#pragma once

#include "../record.h"

// X(name, Params, kernel)
#define PHYNEXUS_CONTROL_HANDLERS(X)          \
  X(begin_loop, BeginLoopParams, control)     \
  X(advance_loop, AdvanceLoopParams, control) \
  X(move_bytes, MoveBytesParams, control)     \
  X(sum_terms, SumTermsParams, control)

namespace phynexus::gpu {

// `bytes` from one place to another, apart from it or the very same. A tile is move_tile_bytes.
struct MoveBytesParams {
  Pointer from, to;
  int64_t bytes = 0;
};
inline constexpr int64_t move_tile_bytes = 16384;
inline constexpr int move_bytes_shared_bytes = 0;

// Each element of `to`, of group g, is the sum of that element of `from` in the terms [64 g, 64 g + 64) there are, in
// the order of engine/run/sum_tree.h. Groups follow each other in tiles; a tile is `tile` elements of one.
struct SumTermsParams {
  View from;  // the first term
  View to;    // the first group's sum; the place of the group's first term is allowed
  int64_t elements = 0;
  int64_t terms = 0;
  int64_t term_bytes = 0;   // from a term to the next
  int64_t group_bytes = 0;  // from a group's sum to the next
  int64_t tiles = 0;        // of a group
  int64_t tile = 0;
};
inline constexpr int64_t terms_of_group = 64;
inline constexpr int sum_terms_shared_bytes = 0;

// What a base of a loop's frame is in iteration i of a scan, whose slices are those `at`: i, or backwards.
struct LoopBase {
  enum Kind : int32_t {
    fixed,      // place
    slice,      // place + at * stride
    carry_in,   // place in the first iteration, then what the one before wrote
    carry_out,  // place in the last iteration; saved for the next one, or else in two buffers in turn
  };
  int32_t kind = fixed;
  int32_t is_saved = 0;
  int64_t stride = 0;  // of slices, and of saved carries
  Pointer place, saved, turns[2];
};

// The base `counter` becomes 0, as a number.
struct BeginLoopParams {
  int32_t counter = 0;
};
inline constexpr int begin_loop_shared_bytes = 0;

// Lays out a loop's frame for its next iteration: `count` bases from `first` on. The base `counter` is that iteration's
// number; after the last one it is 0 again.
struct AdvanceLoopParams {
  int64_t length = 0;
  int64_t places = 0;  // in the program: LoopBase[count]
  int32_t reverse = 0;
  int32_t counter = 0;
  int32_t first = 0;
  int32_t count = 0;
};
inline constexpr int advance_loop_shared_bytes = 0;

}  // namespace phynexus::gpu
