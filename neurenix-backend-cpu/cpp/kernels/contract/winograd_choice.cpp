// Where Winograd's algorithm pays: both ways are counted in multiply-adds, with what the transforms cost
// beside them.
#include "winograd.h"

#include "winograd_tiles.h"

namespace phynexus::PHYNEXUS_ISA::contract {

namespace {

// Costs in multiply-adds, fitted to measurements. With shorter vectors a multiply-add takes longer, a
// transform's loads and stores less so.
constexpr double relative = lanes<float> == 16 ? 1 : lanes<float> == 8 ? 0.65 : 0.4;
constexpr double points_cost = 100 * relative;  // of a tile's sixteen points, for each channel
constexpr double results_cost = 70 * relative;  // of a tile's four results, for each channel
constexpr double weights_cost = 240;            // of the weights' points, for each pair of channels
constexpr double weight_sums_cost = 80;         // of turning the points' sums into taps, likewise
constexpr double least_gain = 1.05;

// Pairs of a result and one of its three taps along an axis that is inside the source.
double taps_inside(int64_t results, int64_t source, int64_t pad) {
  int64_t count = 0;
  for (int64_t tap = 0; tap < 3; tap++)
    count += larger(0, smaller(results, source + pad - tap) - larger(0, pad - tap));
  return double(count);
}

bool possible(const ConvolutionProblem& p) {
  return p.kernel_h == 3 && p.kernel_w == 3 && p.stride_h == 1 && p.stride_w == 1 && p.dilation_h == 1 &&
         p.dilation_w == 1 && p.images > 0 && p.in_channels > 0 && p.out_channels > 0 && p.in_h > 0 &&
         p.in_w > 0 && p.out_h > 0 && p.out_w > 0;
}

}  // namespace

bool by_winograd(const ConvolutionProblem& p, Convolution which) {
  if (p.winograd == ConvolutionProblem::never || !possible(p)) return false;
  if (p.winograd == ConvolutionProblem::where_possible) return true;
  const double in = double(p.in_channels), out = double(p.out_channels), pairs = in * out;
  const double plain = pairs * double(p.images) * taps_inside(p.out_h, p.in_h, p.pad_h) *
                       taps_inside(p.out_w, p.in_w, p.pad_w);
  const bool back = which == Convolution::input_gradient;
  const TileGrid grid(p.images, back ? p.in_h : p.out_h, back ? p.in_w : p.out_w, 0, 0);
  const double tiles = double(grid.tiles());
  const double transforms =
      which == Convolution::weight_gradient
          ? points_cost * tiles * (in + out) + weight_sums_cost * pairs
          : tiles * (points_cost * (back ? out : in) + results_cost * (back ? in : out)) +
                weights_cost * pairs;
  return plain > least_gain * (pairs * grid.points() + transforms);
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
