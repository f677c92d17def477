// The product behind both the convolution and its input gradient: each output pixel gathers, over the taps of
// the kernel, a pixel of the source times that tap's matrix. Along each axis, output index phase + step * a
// reads source index a * source_step + offset(tap); a convolution has one phase, the gradient of a strided
// one has `stride` phases, each with taps of its own, so that nothing is scattered.
#pragma once

#include "convolution_layout.h"

namespace phynexus::PHYNEXUS_ISA::contract {

struct AxisTap {
  int64_t tap, offset;
};
struct AxisPhase {
  int64_t first, count;  // outputs first + a * step for a < count
  int64_t taps;
  const AxisTap* tap;
};
struct GatherAxis {
  int64_t phases, step, source_step;
  AxisPhase* phase;

  static int64_t phases_for_gradient(int64_t stride, int64_t outputs) { return smaller(stride, outputs); }

  static GatherAxis forward(int64_t taps, int64_t stride, int64_t pad, int64_t dilation, int64_t outputs,
                            AxisPhase* phase, AxisTap* tap) {
    for (int64_t k = 0; k < taps; k++) tap[k] = {k, k * dilation - pad};
    phase[0] = {0, outputs, taps, tap};
    return {1, 1, stride, phase};
  }
  static GatherAxis gradient(int64_t taps, int64_t stride, int64_t pad, int64_t dilation, int64_t outputs,
                             AxisPhase* phase, AxisTap* tap) {
    const int64_t phases = phases_for_gradient(stride, outputs);
    for (int64_t f = 0; f < phases; f++) {
      int64_t found = 0;
      for (int64_t k = 0; k < taps; k++)
        if ((f + pad - k * dilation) % stride == 0) tap[found++] = {k, (f + pad - k * dilation) / stride};
      phase[f] = {f, ceil_divide(outputs - f, stride), found, tap};
      tap += found;
    }
    return {phases, stride, 1, phase};
  }
};

template <class T>
void gather_product(const Images<const T>& source, const Images<T>& out, const GatherAxis& rows,
                    const GatherAxis& columns, const TapPanels<T>& weights, const T* zeros, Team& team);

extern template void gather_product<float>(const Images<const float>&, const Images<float>&,
                                           const GatherAxis&, const GatherAxis&, const TapPanels<float>&,
                                           const float*, Team&);
extern template void gather_product<double>(const Images<const double>&, const Images<double>&,
                                            const GatherAxis&, const GatherAxis&, const TapPanels<double>&,
                                            const double*, Team&);

// With so few channels in the source, a tap is too little work for a segment: patches are written out
// instead.
constexpr int64_t few_channels = 8;

}  // namespace phynexus::PHYNEXUS_ISA::contract
