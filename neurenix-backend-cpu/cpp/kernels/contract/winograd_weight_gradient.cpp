// The gradient for the weights by Winograd's algorithm: for each of the sixteen points, the transformed tiles
// of x transposed times those of g, a sum over tiles. Tiles are cut into chunks by their number alone; each
// chunk sums into a buffer of its own, turned into taps at its end, and the buffers are added in order, so
// the result does not depend on the number of threads.
#include "convolution_weight_sums.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace phynexus::PHYNEXUS_ISA::contract {

namespace {

constexpr int64_t block_tiles = 64;
constexpr int64_t channels_in_part = 64;  // of x, so that all sums of a part stay in the second-level cache

// The sums of one chunk of tiles for the weights between some channels of x and one panel of channels of g.
struct PartialGradient {
  Images<const float> x, g;
  const TileGrid& grid;
  const float* zeros;
  Panels<float>::Panel panel;
  PointMatrices x_points, g_points, sums;

  PartialGradient(const Images<const float>& images, const Range& channels,
                  const Images<const float>& gradient, const Panels<float>::Panel& panel,
                  const TileGrid& grid, const float* zeros)
      : x(images),
        g(gradient),
        grid(grid),
        zeros(zeros),
        panel(panel),
        x_points(nullptr, block_tiles, channels.size()),
        g_points(nullptr, block_tiles, panel.width),
        sums(nullptr, channels.size(), panel.width) {
    x.data += channels.begin, x.channels = channels.size();
    g.data += panel.first, g.channels = panel.width;
  }

  void take_workspace(Team& team, int worker) {
    Carver carver{nullptr};
    for (int pass = 0; pass < 2; pass++) {
      x_points.data = carver.take<float>(x_points.elements());
      g_points.data = carver.take<float>(g_points.elements());
      sums.data = carver.take<float>(sums.elements());
      if (pass == 0) carver = {static_cast<char*>(team.workspace(worker, carver.used))};
    }
  }

  void add_block(const TileBlock& block, const Range& next, bool first) const {
    const int64_t count = tiles_of(x.channels, adjacent_rows_for[panel.vectors]);
    Ahead ahead(grid, next, winograd_points * count);
    const Parts parts(x.channels, count);
    Segment<float> segments[2];
    float* out[max_adjacent_rows];
    TileCall<float> call{segments, 1, x_points.row, g_points.row, 0, 0, out, 0, panel.tail, !first};
    for (int64_t point = 0; point < winograd_points; point++) {
      const auto needed = block.needed(point);
      segments[0].length = needed.first, segments[1].length = needed.last;
      call.count = needed.last ? 2 : 1;
      for (int64_t i = 0; i < call.count; i++) {
        const int64_t tile = needed.tile(i * needed.first);
        segments[i].panel = g_points.at(point, tile);
        segments[i].rows[0] = x_points.at(point, tile);
      }
      for (int64_t i = 0; i < count; i++) {
        const Range rows = parts[i];
        for (int64_t r = 0; r < rows.size(); r++) out[r] = sums.at(point, rows.begin + r);
        call.row_shift = rows.begin;
        ahead.next(x, g);
        adjacent_tile_kernel<float>(rows.size(), panel.vectors, panel.kind)(call);
      }
    }
  }

  // taps = G^T u G for the sums u of each pair of channels.
  void write_taps(const SumRows<float>& taps) const {
    for (int64_t r = 0; r < x.channels; r++)
      for_channel_vectors(panel.width, [&](int64_t c, const Head<float>*) {
        Floats u[4][4], g[3][3];
        PHYNEXUS_UNROLL for (int i = 0; i < 16; i++) u[i / 4][i % 4] = load(sums.at(i, r) + c);
        taps_of_points(u, g);
        PHYNEXUS_UNROLL for (int i = 0; i < 9; i++)
            store(taps.tap(i / 3, i % 3) + r * taps.channel + c, g[i / 3][i % 3]);
      });
  }

  void sum(const Range& tiles, const SumRows<float>& taps) const {
    const int64_t blocks = ceil_divide(tiles.size(), block_tiles);
    const Parts parts(tiles.size(), blocks);
    const auto tiles_of_block = [&](int64_t b) {
      return Range{tiles.begin + parts[b].begin, tiles.begin + parts[b].end};
    };
    for (int64_t b = 0; b < blocks; b++) {
      const TileBlock block(grid, tiles_of_block(b));
      write_source_points(x, block, zeros, x_points);
      write_gradient_points(g, block, zeros, g_points);
      add_block(block, b + 1 < blocks ? tiles_of_block(b + 1) : Range{0, 0}, b == 0);
    }
    write_taps(taps);
  }
};

}  // namespace

void winograd_weight_gradient(const ConvolutionProblem& p, const float* x, const float* g, float* weight,
                              Team& team) {
  const TileGrid grid(p.images, p.out_h, p.out_w, p.pad_h, p.pad_w);
  const WeightSums<float> weight_sums(p);
  const int64_t elements = weight_sums.elements();
  const double operations = 2.0 * grid.points() * double(p.in_channels) * double(p.out_channels);
  // Enough work in each chunk that turning its sums into taps and adding them is a small part of it.
  const int64_t chunks =
      larger(1, smaller(smaller(grid.tiles(), 16), int64_t(operations / (1000.0 * double(elements)))));
  const int64_t panels = weight_sums.panels.count, parts = ceil_divide(p.in_channels, channels_in_part);

  Carver carver{nullptr};
  TapOrder order;
  float *zeros, *buffers, *x_space, *g_space;
  for (int pass = 0; pass < 2; pass++) {
    zeros = carver.take<float>(larger(p.in_channels, p.out_channels));
    order.row = carver.take<int32_t>(weight_sums.rows_whole() ? TapOrder::size(p.in_channels, 9) : 0);
    buffers = carver.take<float>(chunks * elements);
    x_space = carver.take<float>(channels_last_space<float>(p.images, p.in_channels, p.in_h, p.in_w, p.x));
    g_space =
        carver.take<float>(channels_last_space<float>(p.images, p.out_channels, p.out_h, p.out_w, p.out));
    if (pass == 0) carver = {static_cast<char*>(team.shared_workspace(carver.used))};
  }
  for (int64_t i = 0; i < larger(p.in_channels, p.out_channels); i++) zeros[i] = 0;
  const Images<const float> x_images =
      read_channels_last(x, p.images, p.in_channels, p.in_h, p.in_w, p.x, x_space, team);
  const Images<const float> g_images =
      read_channels_last(g, p.images, p.out_channels, p.out_h, p.out_w, p.out, g_space, team);

  for_chunks(team, chunks * parts * panels, [&](int64_t index, int worker) {
    const int64_t chunk = index / (parts * panels);
    const Range channels = part(p.in_channels, parts, index / panels % parts);
    const auto panel = weight_sums.panels[index % panels];
    PartialGradient partial(x_images, channels, g_images, panel, grid, zeros);
    partial.take_workspace(team, worker);
    SumRows<float> taps = weight_sums.rows_of(buffers + chunk * elements, panel);
    taps.data += channels.begin * taps.channel;
    partial.sum(part(grid.tiles(), chunks, chunk), taps);
  });
  weight_sums.add_up(buffers, chunks, order, weight, team);
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
