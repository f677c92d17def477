// The convolution and its input gradient, prepared for the gathering product: operands with adjacent
// channels, weights as panels, the taps of each phase.
#include "convolution.h"

#include "convolution_gather.h"
#include "winograd.h"

namespace phynexus::PHYNEXUS_ISA::contract {

namespace {

// Shared by both directions: `source` has `depth` channels, `result` has `width` of them.
template <class T>
struct Direction {
  bool forward;
  int64_t depth, source_h, source_w, width, result_h, result_w;
  const int64_t* source_strides;
  const int64_t* result_strides;
  TapWeights<T> weights;
};

template <class T>
void convolve(const ConvolutionProblem& p, const Direction<T>& d, const T* from, T* to, Team& team) {
  if (p.images <= 0 || d.width <= 0 || d.result_h <= 0 || d.result_w <= 0) return;
  const int64_t phases_h = d.forward ? 1 : GatherAxis::phases_for_gradient(p.stride_h, d.result_h);
  const int64_t phases_w = d.forward ? 1 : GatherAxis::phases_for_gradient(p.stride_w, d.result_w);
  const bool patches = d.depth < few_channels && (d.forward || p.stride_h * p.stride_w == 1);
  const bool in_place = d.weights.usable_in_place() && !patches;

  Carver carver{nullptr};
  AxisPhase *phase_h, *phase_w;
  AxisTap *tap_h, *tap_w;
  TapOrder order;
  T *zeros, *packed, *source_space, *result_space;
  for (int pass = 0; pass < 2; pass++) {
    phase_h = carver.take<AxisPhase>(phases_h);
    phase_w = carver.take<AxisPhase>(phases_w);
    tap_h = carver.take<AxisTap>(p.kernel_h);
    tap_w = carver.take<AxisTap>(p.kernel_w);
    zeros = carver.take<T>(d.depth);
    order.row = carver.take<int32_t>(in_place ? 0 : TapOrder::size(d.depth, d.weights.taps()));
    packed = carver.take<T>(in_place ? 0 : d.weights.packed_elements());
    source_space =
        carver.take<T>(channels_last_space<T>(p.images, d.depth, d.source_h, d.source_w, d.source_strides));
    result_space =
        carver.take<T>(channels_last_space<T>(p.images, d.width, d.result_h, d.result_w, d.result_strides));
    if (pass == 0) carver = {static_cast<char*>(team.shared_workspace(carver.used))};
  }

  for (int64_t i = 0; i < d.depth; i++) zeros[i] = 0;
  const TapPanels<T> panels =
      in_place ? panels_in_place(d.weights) : pack_taps(d.weights, packed, order, team);
  T* const source = const_cast<T*>(from);  // read only: copied from, or read in place
  const Images<T> images =
      channels_last(source, p.images, d.depth, d.source_h, d.source_w, d.source_strides, source_space);
  if (images.data != source) copy_images<true>(source, d.source_strides, images, team);
  const Images<T> result =
      channels_last(to, p.images, d.width, d.result_h, d.result_w, d.result_strides, result_space);
  const auto axis = d.forward ? GatherAxis::forward : GatherAxis::gradient;
  gather_product<T>({images.data, images.count, images.channels, images.height, images.width, images.image,
                     images.row, images.column},
                    result, axis(p.kernel_h, p.stride_h, p.pad_h, p.dilation_h, d.result_h, phase_h, tap_h),
                    axis(p.kernel_w, p.stride_w, p.pad_w, p.dilation_w, d.result_w, phase_w, tap_w), panels,
                    zeros, team);
  if (result.data != to) copy_images<false>(to, d.result_strides, result, team);
}

}  // namespace

template <class T>
void convolution(const ConvolutionProblem& p, const T* x, const T* weight, T* out, Team& team) {
  if constexpr (sizeof(T) == 4)
    if (by_winograd(p, Convolution::forward)) return winograd_convolution(p, x, weight, out, team);
  convolve<T>(p,
              {true,
               p.in_channels,
               p.in_h,
               p.in_w,
               p.out_channels,
               p.out_h,
               p.out_w,
               p.x,
               p.out,
               {weight, p.in_channels, p.out_channels, p.kernel_h, p.kernel_w, p.weight[1], p.weight[0],
                p.weight[2], p.weight[3]}},
              x, out, team);
}

template <class T>
void convolution_input_gradient(const ConvolutionProblem& p, const T* g, const T* weight, T* x, Team& team) {
  if constexpr (sizeof(T) == 4)
    if (by_winograd(p, Convolution::input_gradient)) return winograd_input_gradient(p, g, weight, x, team);
  convolve<T>(p,
              {false,
               p.out_channels,
               p.out_h,
               p.out_w,
               p.in_channels,
               p.in_h,
               p.in_w,
               p.out,
               p.x,
               {weight, p.out_channels, p.in_channels, p.kernel_h, p.kernel_w, p.weight[0], p.weight[1],
                p.weight[2], p.weight[3]}},
              g, x, team);
}

template void convolution<float>(const ConvolutionProblem&, const float*, const float*, float*, Team&);
template void convolution<double>(const ConvolutionProblem&, const double*, const double*, double*, Team&);
template void convolution_input_gradient<float>(const ConvolutionProblem&, const float*, const float*, float*,
                                                Team&);
template void convolution_input_gradient<double>(const ConvolutionProblem&, const double*, const double*,
                                                 double*, Team&);

}  // namespace phynexus::PHYNEXUS_ISA::contract
