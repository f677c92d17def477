// Compares where inputs and outputs lie.
#include "sharing.h"

namespace phynexus::fused {

bool Sharing::shifted(size_t input, size_t output) const {
  if (!possible(input, output)) return false;
  const phx_value &a = in(input), &b = out(output);
  if (a.offset != b.offset || a.rank != b.rank || a.dtype != b.dtype) return true;
  for (int d = 0; d < a.rank; d++)
    if (a.shape[d] != b.shape[d] || (a.shape[d] > 1 && a.strides[d] != b.strides[d])) return true;
  return false;
}

}  // namespace phynexus::fused
