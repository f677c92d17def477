// The convolution and its input gradient by Winograd's algorithm. Tiles are taken in blocks whose transformed
// source and products stay in the second-level cache beside the transformed weights; for each of the sixteen
// points a block is one matrix product. A result depends on its own tile alone, so blocks and chunks never
// change a bit of it.
#include "winograd.h"

#include "winograd_tiles.h"

namespace phynexus::PHYNEXUS_ISA::contract {

namespace {

constexpr int64_t block_tiles = 24;
constexpr int64_t depth_in_part =
    128;  // of a product, so that a panel of one point stays in the first-level cache

// The convolution is a sum over `depth` channels of the source for each of `width` channels of the result; so
// is the gradient for its input, with the kernel turned by half a turn.
struct Direction {
  bool turned;
  Images<const float> source;
  Images<float> result;
  TileGrid grid;
  TapWeights<float> weights;
  Panels<float> panels;

  int64_t depth() const { return weights.depth; }
  int64_t transformed_elements() const { return winograd_points * depth() * panels.padded_columns(); }
  // Transformed weights lie as [panel][point][depth][vectors].
  int64_t points_of(const Panels<float>::Panel& panel, int64_t point) const {
    return (panel.first * winograd_points + point * panel.vectors * lanes<float>)*depth();
  }
  double operations() const { return 2.0 * grid.points() * double(depth()) * double(panels.columns); }
};

// G g G^T for every pair of channels.
void transform_weights(const Direction& d, const TapPanels<float>& taps, float* to, Team& team) {
  const int64_t chunks = chunks_for(40.0 * double(d.depth() * d.panels.columns), d.depth());
  for_chunks(team, chunks, [&](int64_t index, int) {
    const Range range = part(d.depth(), chunks, index);
    for (int64_t i = 0; i < d.panels.count; i++) {
      const auto panel = d.panels[i];
      const int64_t step = panel.vectors * lanes<float>, matrix = step * d.depth();
      for (int64_t k = range.begin; k < range.end; k++) {
        float* const first = to + d.points_of(panel, 0) + k * step;
        for_channel_vectors(panel.width, [&](int64_t c, const Head<float>* head) {
          Floats g[3][3], u[4][4];
          PHYNEXUS_UNROLL for (int tap = 0; tap < 9; tap++) {
            const int h = tap / 3, w = tap % 3;
            const float* from = taps.at(panel, d.turned ? 2 - h : h, d.turned ? 2 - w : w);
            g[h][w] = load_some(from + k * taps.step(panel) + c, head);
          }
          points_of_taps(g, u);
          PHYNEXUS_UNROLL for (int i = 0; i < 16; i++) store(first + i * matrix + c, u[i / 4][i % 4]);
        });
      }
    }
  });
}

// products = points times the transformed weights of one panel, for each of the sixteen.
void multiply(const Direction& d, const float* weights, const Panels<float>::Panel& panel,
              const TileBlock& block, const PointMatrices& points, const PointMatrices& products,
              Ahead& ahead) {
  const int64_t depths = ceil_divide(d.depth(), depth_in_part), step = panel.vectors * lanes<float>;
  const Parts depth_parts(d.depth(), depths);
  for (int64_t point = 0; point < winograd_points; point++) {
    const auto needed = block.needed(point);
    if (!needed.count()) continue;
    const int64_t groups = tiles_of(needed.count(), tile_rows_for[panel.vectors]);
    const Parts group_parts(needed.count(), groups);
    for (int64_t k = 0; k < depths; k++) {
      const Range depth = depth_parts[k];
      Segment<float> segment;
      segment.panel = weights + d.points_of(panel, point) + depth.begin * step;
      segment.length = depth.size();
      float* out[max_tile_rows];
      const TileCall<float> call{&segment, 1, 1, step, 0, 0, out, 0, panel.tail, k > 0};
      for (int64_t i = 0; i < groups; i++) {
        const Range rows = group_parts[i];
        for (int64_t r = 0; r < rows.size(); r++) {
          const int64_t tile = needed.tile(rows.begin + r);
          segment.rows[r] = points.at(point, tile) + depth.begin;
          out[r] = products.at(point, tile);
        }
        ahead.next(d.source);
        tile_kernel<float>(rows.size(), panel.vectors, panel.kind)(call);
      }
    }
  }
}

void convolve_tiles(const Direction& d, const float* weights, const float* zeros, Team& team) {
  const int64_t tiles = d.grid.tiles(), blocks = ceil_divide(tiles, block_tiles);
  const int64_t chunks = chunks_for(d.operations(), blocks);
  const int64_t panel_columns = d.panels.widest() * lanes<float>;
  const auto tiles_of_block = [&](int64_t b) {
    return Range{b * block_tiles, smaller(tiles, (b + 1) * block_tiles)};
  };
  const int64_t products_in_block = winograd_points * d.panels.count * ceil_divide(d.depth(), depth_in_part) *
                                    ceil_divide(block_tiles, tile_rows_for[d.panels.widest()]);
  for_chunks(team, chunks, [&](int64_t index, int worker) {
    PointMatrices points(nullptr, block_tiles, d.depth()), products(nullptr, block_tiles, panel_columns);
    float* beyond = nullptr;
    Carver carver{nullptr};
    for (int pass = 0; pass < 2; pass++) {
      points.data = carver.take<float>(points.elements());
      products.data = carver.take<float>(products.elements());
      beyond = carver.take<float>(panel_columns);
      if (pass == 0) carver = {static_cast<char*>(team.workspace(worker, carver.used))};
    }
    const Range range = part(blocks, chunks, index);
    for (int64_t b = range.begin; b < range.end; b++) {
      const TileBlock block(d.grid, tiles_of_block(b));
      write_source_points(d.source, block, zeros, points);
      Ahead ahead(d.grid, b + 1 < range.end ? tiles_of_block(b + 1) : Range{0, 0}, products_in_block);
      for (int64_t i = 0; i < d.panels.count; i++) {
        const auto panel = d.panels[i];
        multiply(d, weights, panel, block, points, products, ahead);
        Images<float> result = d.result;
        result.data += panel.first, result.channels = panel.width;
        write_results(products, block, result, beyond);
      }
    }
  });
}

// `source_strides` and `result_strides` are those of `from` and `to`, of the shapes that d's images have.
void convolve(Direction d, const int64_t source_strides[4], const int64_t result_strides[4],
              const float* from, float* to, Team& team) {
  const Images<const float>& s = d.source;
  const Images<float>& r = d.result;
  const bool in_place = d.weights.usable_in_place();
  Carver carver{nullptr};
  TapOrder order;
  float *zeros, *packed, *transformed, *source_space, *result_space;
  for (int pass = 0; pass < 2; pass++) {
    zeros = carver.take<float>(d.depth());
    order.row = carver.take<int32_t>(in_place ? 0 : TapOrder::size(d.depth(), 9));
    packed = carver.take<float>(in_place ? 0 : d.weights.packed_elements());
    transformed = carver.take<float>(d.transformed_elements());
    source_space = carver.take<float>(
        channels_last_space<float>(s.count, s.channels, s.height, s.width, source_strides));
    result_space = carver.take<float>(
        channels_last_space<float>(r.count, r.channels, r.height, r.width, result_strides));
    if (pass == 0) carver = {static_cast<char*>(team.shared_workspace(carver.used))};
  }
  for (int64_t i = 0; i < d.depth(); i++) zeros[i] = 0;
  transform_weights(d, in_place ? panels_in_place(d.weights) : pack_taps(d.weights, packed, order, team),
                    transformed, team);
  d.source =
      read_channels_last(from, s.count, s.channels, s.height, s.width, source_strides, source_space, team);
  d.result = channels_last(to, r.count, r.channels, r.height, r.width, result_strides, result_space);
  convolve_tiles(d, transformed, zeros, team);
  if (d.result.data != to) copy_images<false>(to, result_strides, d.result, team);
}

}  // namespace

void winograd_convolution(const ConvolutionProblem& p, const float* x, const float* weight, float* out,
                          Team& team) {
  convolve({false,
            {nullptr, p.images, p.in_channels, p.in_h, p.in_w, 0, 0, 0},
            {nullptr, p.images, p.out_channels, p.out_h, p.out_w, 0, 0, 0},
            TileGrid(p.images, p.out_h, p.out_w, p.pad_h, p.pad_w),
            {weight, p.in_channels, p.out_channels, 3, 3, p.weight[1], p.weight[0], p.weight[2], p.weight[3]},
            Panels<float>(p.out_channels)},
           p.x, p.out, x, out, team);
}

void winograd_input_gradient(const ConvolutionProblem& p, const float* g, const float* weight, float* x,
                             Team& team) {
  convolve({true,
            {nullptr, p.images, p.out_channels, p.out_h, p.out_w, 0, 0, 0},
            {nullptr, p.images, p.in_channels, p.in_h, p.in_w, 0, 0, 0},
            TileGrid(p.images, p.in_h, p.in_w, 2 - p.pad_h, 2 - p.pad_w),
            {weight, p.out_channels, p.in_channels, 3, 3, p.weight[0], p.weight[1], p.weight[2], p.weight[3]},
            Panels<float>(p.in_channels)},
           p.out, p.x, g, x, team);
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
