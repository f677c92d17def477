// The handlers that the regions of a plan need: moves of carries, and the sums of maps.
#pragma once

#include "../record.h"

// X(name, Params, kernel)
#define PHYNEXUS_CONTROL_HANDLERS(X) \
  X(move_bytes, MoveBytesParams, control) \
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
  View from;               // the first term
  View to;                 // the first group's sum; the place of the group's first term is allowed
  int64_t elements = 0;
  int64_t terms = 0;
  int64_t term_bytes = 0;   // from a term to the next
  int64_t group_bytes = 0;  // from a group's sum to the next
  int64_t tiles = 0;        // of a group
  int64_t tile = 0;
};
inline constexpr int64_t terms_of_group = 64;
inline constexpr int sum_terms_shared_bytes = 0;

}  // namespace phynexus::gpu
