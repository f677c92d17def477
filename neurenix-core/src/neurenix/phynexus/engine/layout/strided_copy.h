// A copy of strided bytes, as numbers: no code, so that kernels of any instruction set may include it.
#pragma once

#include <phynexus.h>

#include <cstdint>

namespace phynexus {

// One axis more than a value has, for its pieces.
inline constexpr int max_tile_rank = PHX_MAX_RANK + 1;

struct StridedCopy {
  int32_t rank;
  int32_t item_bytes;
  int64_t counts[max_tile_rank];
  int64_t out_strides[max_tile_rank];  // bytes
  int64_t in_strides[max_tile_rank];
};

}  // namespace phynexus
