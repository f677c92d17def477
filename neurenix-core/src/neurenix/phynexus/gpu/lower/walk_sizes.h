// The numbers by which a device divides.
#pragma once

#include "../device/elementwise/code.h"

namespace phynexus::gpu {

inline Divisor divisor_of(int64_t size) {
  Divisor d;
  d.size = size;
  if (size < 1 || size >= int64_t(1) << 31)
    return d;  // then nothing, or only whole 64-bit numbers, are divided
  uint32_t log = 0;
  while (uint64_t(1) << log < uint64_t(size)) log++;
  d.shift = log;
  d.magic = uint32_t((uint64_t(1) << 32) * ((uint64_t(1) << log) - uint64_t(size)) / uint64_t(size) + 1);
  return d;
}

}  // namespace phynexus::gpu
