// The gradient for the weights: for each tap, x transposed times g, a sum over pixels. Pixels are taken in
// spans that fit in the second-level cache (with every tap before the next span), and those in blocks that
// fit in the first (with every tile [channels of x, channels of g] of one tap). They are cut into chunks by
// their number alone; each chunk sums into a buffer of its own, and the buffers are added in order, so the
// result does not depend on the number of threads.
#include "convolution.h"
#include "convolution_patches.h"
#include "convolution_weight_sums.h"
#include "winograd.h"

namespace phynexus::PHYNEXUS_ISA::contract {

namespace {

constexpr int64_t block_pixels = 64;
constexpr int64_t span_bytes = 512 * 1024;

// Pixels of the output along whose longer direction (a row, or one pixel of many images) the inner sum runs.
struct PixelRuns {
  bool across_images;
  int64_t image_groups, images;  // across images: runs of `images` or fewer
  int64_t out_h, out_w;

  PixelRuns(const ConvolutionProblem& p)
      : across_images(p.out_w < 16 && p.images > p.out_w),
        image_groups(ceil_divide(p.images, 32)),
        images(ceil_divide(p.images, larger(1, image_groups))),
        out_h(p.out_h),
        out_w(p.out_w) {}
  int64_t count(const ConvolutionProblem& p) const {
    return across_images ? image_groups * out_h * out_w : p.images * out_h;
  }
  int64_t length() const { return across_images ? images : out_w; }
};

template <class T>
struct WeightGradient {
  const ConvolutionProblem& p;
  const Images<T>& x;
  const Images<T>& g;
  PixelRuns runs;

  WeightGradient(const ConvolutionProblem& p, const Images<T>& x, const Images<T>& g)
      : p(p), x(x), g(g), runs(p) {}

  int64_t taps() const { return p.kernel_h * p.kernel_w; }
  double operations() const {
    return 2.0 * p.images * p.out_h * p.out_w * p.out_channels * p.in_channels * taps();
  }
  bool by_patches() const { return p.in_channels < few_channels; }
  int64_t units() const { return by_patches() ? p.images * p.out_h : runs.count(p); }
  int64_t runs_in_block() const { return ceil_divide(block_pixels, larger(1, runs.length())); }
  int64_t runs_in_span() const {
    const int64_t pixel_bytes =
        (p.in_channels * p.stride_h * p.stride_w + p.out_channels) * int64_t(sizeof(T));
    return round_up(larger(1, span_bytes / pixel_bytes / larger(1, runs.length())), runs_in_block());
  }

  // The part of a run that a tap reaches, as a segment; false if none of it.
  bool segment_of(int64_t unit, int64_t tap_h, int64_t tap_w, Segment<T>& segment) const {
    const int64_t offset_h = tap_h * p.dilation_h - p.pad_h, offset_w = tap_w * p.dilation_w - p.pad_w;
    if (runs.across_images) {
      const int64_t pixels = p.out_h * p.out_w, group = unit / pixels, h = unit % pixels / p.out_w,
                    w = unit % p.out_w;
      const int64_t in_h = h * p.stride_h + offset_h, in_w = w * p.stride_w + offset_w;
      if (in_h < 0 || in_h >= x.height || in_w < 0 || in_w >= x.width) return false;
      const Range images = part(p.images, runs.image_groups, group);
      segment.length = images.size();
      segment.rows[0] = x.data + images.begin * x.image + in_h * x.row + in_w * x.column;
      segment.panel = g.data + images.begin * g.image + h * g.row + w * g.column;
      return true;
    }
    const int64_t n = unit / p.out_h, h = unit % p.out_h, in_h = h * p.stride_h + offset_h;
    if (in_h < 0 || in_h >= x.height || offset_w >= x.width) return false;
    const int64_t begin = offset_w < 0 ? ceil_divide(-offset_w, p.stride_w) : 0;
    const int64_t end = smaller(p.out_w, (x.width - 1 - offset_w) / p.stride_w + 1);
    if (begin >= end) return false;
    segment.length = end - begin;
    segment.rows[0] = x.data + n * x.image + in_h * x.row + (begin * p.stride_w + offset_w) * x.column;
    segment.panel = g.data + n * g.image + h * g.row + begin * g.column;
    return true;
  }

  void sum_runs(const Range& range, const typename Panels<T>::Panel& panel, const SumRows<T>& sums,
                void* workspace) const {
    const int64_t span = runs_in_span();
    for (int64_t begin = range.begin; begin < range.end; begin += span)
      for (int64_t h = 0; h < p.kernel_h; h++)
        for (int64_t w = 0; w < p.kernel_w; w++)
          sum_span({begin, smaller(range.end, begin + span)}, begin == range.begin, h, w, panel,
                   sums.tap(h, w), sums.channel, static_cast<Segment<T>*>(workspace));
  }

  void sum_span(const Range& span, bool first_span, int64_t tap_h, int64_t tap_w,
                const typename Panels<T>::Panel& panel, T* sums, int64_t sums_step,
                Segment<T>* segments) const {
    const int64_t row_step = runs.across_images ? x.image : p.stride_w * x.column;
    const int64_t panel_step = runs.across_images ? g.image : g.column;
    const int64_t step = runs_in_block(), tiles = tiles_of(p.in_channels, adjacent_rows_for[panel.vectors]);
    const Parts parts(p.in_channels, tiles);
    for (int64_t block = span.begin; block < span.end; block += step) {
      const int64_t block_end = smaller(span.end, block + step);
      int64_t count = 0;
      for (int64_t unit = block; unit < block_end; unit++)
        count += segment_of(unit, tap_h, tap_w, segments[count]);
      const bool first = first_span && block == span.begin;
      if (!count && !first) continue;
      T* out[max_adjacent_rows];
      TileCall<T> call{segments, count, row_step, panel_step, 0, panel.first, out, 0, panel.tail, !first};
      for (int64_t t = 0; t < tiles; t++) {
        const Range rows = parts[t];
        for (int64_t r = 0; r < rows.size(); r++) out[r] = sums + (rows.begin + r) * sums_step;
        call.row_shift = rows.begin;
        adjacent_tile_kernel<T>(rows.size(), panel.vectors, panel.kind)(call);
      }
    }
  }

  // Few channels: rows of the result are rows of patches.
  int64_t patch_rows_in_block() const {
    return smaller(p.out_h, ceil_divide(block_pixels, larger(1, p.out_w)));
  }
  int64_t patch_stride() const { return round_up(patch_rows_in_block() * p.out_w, 16); }

  void sum_patches(const Range& range, const typename Panels<T>::Panel& panel, const SumRows<T>& sums,
                   void* workspace) const {
    Carver carver{static_cast<char*>(workspace)};
    Segment<T>* const segments = carver.take<Segment<T>>(patch_rows_in_block());
    AxisPhase *phase_h = carver.take<AxisPhase>(1), *phase_w = carver.take<AxisPhase>(1);
    AxisTap *tap_h = carver.take<AxisTap>(p.kernel_h), *tap_w = carver.take<AxisTap>(p.kernel_w);
    T* const patches = carver.take<T>(0);
    GatherAxis::forward(p.kernel_h, p.stride_h, p.pad_h, p.dilation_h, p.out_h, phase_h, tap_h);
    GatherAxis::forward(p.kernel_w, p.stride_w, p.pad_w, p.dilation_w, p.out_w, phase_w, tap_w);
    const int64_t depth = taps() * p.in_channels, stride = patch_stride();
    const Images<const T> source{x.data, x.count, x.channels, x.height, x.width, x.image, x.row, x.column};
    for (int64_t unit = range.begin; unit < range.end;) {
      const int64_t n = unit / p.out_h, top = unit % p.out_h;
      const int64_t height = smaller(smaller(patch_rows_in_block(), p.out_h - top), range.end - unit);
      write_patches(source, source.data + n * x.image, *phase_h, p.stride_h, *phase_w, p.stride_w, top,
                    height, patches, stride);
      const int64_t tiles = tiles_of(depth, tile_rows_for[panel.vectors]);
      T* out[max_tile_rows];
      const TileCall<T> call{segments,    height, 1, g.column,   0,
                             panel.first, out,    0, panel.tail, unit != range.begin};
      for (int64_t t = 0; t < tiles; t++) {
        const Range rows = part(depth, tiles, t);
        for (int64_t r = 0; r < rows.size(); r++) {
          const int64_t row = rows.begin + r, tap = row / p.in_channels;
          out[r] = sums.tap(tap / p.kernel_w, tap % p.kernel_w) + row % p.in_channels * sums.channel;
        }
        for (int64_t h = 0; h < height; h++) {
          segments[h].panel = g.data + n * g.image + (top + h) * g.row;
          segments[h].length = p.out_w;
          for (int64_t r = 0; r < rows.size(); r++)
            segments[h].rows[r] = patches + (rows.begin + r) * stride + h * p.out_w;
        }
        tile_kernel<T>(rows.size(), panel.vectors, panel.kind)(call);
      }
      unit += height;
    }
  }

  int64_t workspace_bytes() const {
    Carver carver{nullptr};
    if (!by_patches()) {
      carver.take<Segment<T>>(runs_in_block());
      return carver.used;
    }
    carver.take<Segment<T>>(patch_rows_in_block());
    carver.take<AxisPhase>(1), carver.take<AxisPhase>(1);
    carver.take<AxisTap>(p.kernel_h), carver.take<AxisTap>(p.kernel_w);
    carver.take<T>(taps() * p.in_channels * patch_stride());
    return carver.used;
  }
};

}  // namespace

template <class T>
void convolution_weight_gradient(const ConvolutionProblem& p, const T* x, const T* g, T* weight, Team& team) {
  if constexpr (sizeof(T) == 4)
    if (by_winograd(p, Convolution::weight_gradient)) return winograd_weight_gradient(p, x, g, weight, team);
  if (p.out_channels <= 0 || p.in_channels <= 0 || p.kernel_h <= 0 || p.kernel_w <= 0) return;
  const int64_t images = larger(0, p.images);
  T* const x_data = const_cast<T*>(x);  // read only: copied from, or read in place
  T* const g_data = const_cast<T*>(g);
  Images<T> x_images = channels_last<T>(x_data, images, p.in_channels, p.in_h, p.in_w, p.x, nullptr);
  Images<T> g_images = channels_last<T>(g_data, images, p.out_channels, p.out_h, p.out_w, p.out, nullptr);
  const WeightGradient<T> gradient(p, x_images, g_images);
  const WeightSums<T> weight_sums(p);
  const int64_t units = gradient.units(), elements = weight_sums.elements();
  // Enough work in each chunk that adding its buffer is a small part of it.
  const double least = elements < 32000 ? 32e6 : 1000.0 * elements;
  const int64_t chunks = larger(1, smaller(smaller(units, 16), int64_t(gradient.operations() / least)));
  const int64_t panels = weight_sums.panels.count;
  // Where panels can lie in the weights' own memory, a single chunk needs no buffer.
  const bool in_place = chunks == 1 && units > 0 && (p.weight[0] == 1 || p.out_channels == 1);

  Carver carver{nullptr};
  TapOrder order;
  T *buffers, *x_space, *g_space;
  for (int pass = 0; pass < 2; pass++) {
    order.row = carver.take<int32_t>(
        !in_place && weight_sums.rows_whole() ? TapOrder::size(p.in_channels, gradient.taps()) : 0);
    buffers = carver.take<T>(in_place ? 0 : chunks * elements);
    x_space = carver.take<T>(channels_last_space<T>(images, p.in_channels, p.in_h, p.in_w, p.x));
    g_space = carver.take<T>(channels_last_space<T>(images, p.out_channels, p.out_h, p.out_w, p.out));
    if (pass == 0) carver = {static_cast<char*>(team.shared_workspace(carver.used))};
  }
  if (x_images.data != x_data) {
    x_images.data = x_space;
    copy_images<true>(x_data, p.x, x_images, team);
  }
  if (g_images.data != g_data) {
    g_images.data = g_space;
    copy_images<true>(g_data, p.out, g_images, team);
  }

  if (units == 0) {
    for (int64_t i = 0; i < elements; i++) buffers[i] = 0;
  } else {
    const auto sum = [&](int64_t index, int worker) {
      void* workspace = team.workspace(worker, gradient.workspace_bytes());
      const auto panel = weight_sums.panels[index % panels];
      T* const buffer = buffers + index / panels * elements;
      const SumRows<T> sums = in_place
                                  ? SumRows<T>{weight + panel.first, p.weight[2], p.weight[3], p.weight[1]}
                                  : weight_sums.rows_of(buffer, panel);
      const Range range = part(units, chunks, index / panels);
      if (gradient.by_patches()) gradient.sum_patches(range, panel, sums, workspace);
      else gradient.sum_runs(range, panel, sums, workspace);
    };
    for_chunks(team, chunks * panels, sum, gradient.operations() < 4e6);
  }
  if (!in_place) weight_sums.add_up(buffers, chunks, order, weight, team);
}

template void convolution_weight_gradient<float>(const ConvolutionProblem&, const float*, const float*,
                                                 float*, Team&);
template void convolution_weight_gradient<double>(const ConvolutionProblem&, const double*, const double*,
                                                  double*, Team&);

}  // namespace phynexus::PHYNEXUS_ISA::contract
