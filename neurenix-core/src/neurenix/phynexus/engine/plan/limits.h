// The largest size that a plan may have: sums and multiples of accepted sizes do not overflow.
#pragma once

#include <cstdint>

namespace phynexus {

// As much as any machine has, and so little that sums and multiples of it do not overflow.
inline constexpr int64_t most_bytes = int64_t(1) << 46;

}  // namespace phynexus
