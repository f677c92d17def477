// Cuts the output into tiles of pixels, and multiplies for each the source pixels that its taps reach.
#include "convolution_gather.h"

#include "convolution_patches.h"

namespace phynexus::PHYNEXUS_ISA::contract {

namespace {

// The pixels of one tile: where each reads and writes.
template <class T>
struct TilePixels {
  int64_t rows = 0;
  int64_t h[max_tile_rows], w[max_tile_rows];  // source position before a tap's offset
  const T* source[max_tile_rows];
  T* out[max_tile_rows];
};

template <class T>
struct Gather {
  const Images<const T>& source;
  const Images<T>& out;
  const GatherAxis& rows;
  const GatherAxis& columns;
  const TapPanels<T>& weights;
  const T* zeros;
  Panels<T> panels;
  int64_t tile_rows;

  // Units of work. A group is a set of images; when there are enough of them, a tile is one pixel of several
  // images, so that a tap is outside the source for all of them or for none, and none are spent on padding.
  int64_t groups, bands, band_rows;
  bool across_images;

  Gather(const Images<const T>& source, const Images<T>& out, const GatherAxis& rows,
         const GatherAxis& columns, const TapPanels<T>& weights, const T* zeros)
      : source(source),
        out(out),
        rows(rows),
        columns(columns),
        weights(weights),
        zeros(zeros),
        panels(out.channels) {
    tile_rows = tile_rows_for[panels.widest()];
    const int64_t tiles = ceil_divide(out.count, tile_rows);
    const int64_t pixels = rows.phase[0].count * columns.phase[0].count;
    across_images = out.count * 6 >= tiles * tile_rows * 5 || out.count >= pixels;
    groups = across_images ? tiles : out.count;
    band_rows =
        across_images ? 1 : smaller(rows.phase[0].count, ceil_divide(4 * tile_rows, columns.phase[0].count));
    bands = ceil_divide(rows.phase[0].count, band_rows);  // phase 0 has the most rows
  }

  int64_t phases() const { return rows.phases * columns.phases; }
  int64_t units() const { return phases() * groups * bands; }
  double operations() const {
    double taps = 0;
    for (int64_t i = 0; i < rows.phases; i++)
      for (int64_t j = 0; j < columns.phases; j++)
        taps += double(rows.phase[i].count) * double(columns.phase[j].count) * double(rows.phase[i].taps) *
                double(columns.phase[j].taps);
    return 2 * taps * double(out.count) * double(out.channels) * double(source.channels);
  }

  void place(TilePixels<T>& tile, int64_t image, int64_t a, int64_t b, const AxisPhase& row,
             const AxisPhase& column) const {
    const int64_t i = tile.rows++;
    tile.h[i] = a * rows.source_step;
    tile.w[i] = b * columns.source_step;
    tile.source[i] = source.data + image * source.image + tile.h[i] * source.row + tile.w[i] * source.column;
    tile.out[i] = out.data + image * out.image + (row.first + a * rows.step) * out.row +
                  (column.first + b * columns.step) * out.column;
  }

  void multiply(const TilePixels<T>& tile, const AxisPhase& row, const AxisPhase& column,
                const typename Panels<T>::Panel& panel, Segment<T>* segments) const {
    int64_t count = 0;
    for (int64_t i = 0; i < row.taps; i++) {
      const int64_t offset_h = row.tap[i].offset;
      for (int64_t j = 0; j < column.taps; j++) {
        const int64_t offset_w = column.tap[j].offset,
                      shift = offset_h * source.row + offset_w * source.column;
        Segment<T>& segment = segments[count];
        bool any = false;
        for (int64_t r = 0; r < tile.rows; r++) {
          const bool inside = uint64_t(tile.h[r] + offset_h) < uint64_t(source.height) &&
                              uint64_t(tile.w[r] + offset_w) < uint64_t(source.width);
          segment.rows[r] = inside ? tile.source[r] + shift : zeros;
          any |= inside;
        }
        if (!any) continue;
        segment.panel = weights.at(panel, row.tap[i].tap, column.tap[j].tap);
        segment.length = source.channels;
        count++;
      }
    }
    const TileCall<T> call{segments, count,    1,           weights.step(panel), 0,
                           0,        tile.out, panel.first, panel.tail,          false};
    tile_kernel<T>(tile.rows, panel.vectors, panel.kind)(call);
  }

  void run_unit(int64_t unit, const typename Panels<T>::Panel& panel, Segment<T>* segments) const {
    const int64_t phase = unit / (groups * bands), group = unit / bands % groups, band = unit % bands;
    const AxisPhase& row = rows.phase[phase / columns.phases];
    const AxisPhase& column = columns.phase[phase % columns.phases];
    const int64_t top = band * band_rows, bottom = smaller(row.count, top + band_rows);
    if (across_images) {
      const Range images = part(out.count, groups, group);
      for (int64_t a = top; a < bottom; a++)
        for (int64_t b = 0; b < column.count; b++) {
          TilePixels<T> tile;
          for (int64_t n = images.begin; n < images.end; n++) place(tile, n, a, b, row, column);
          multiply(tile, row, column, panel, segments);
        }
      return;
    }
    const int64_t pixels = larger(0, bottom - top) * column.count, tiles = ceil_divide(pixels, tile_rows);
    const Parts parts(pixels, larger(1, tiles));
    int64_t a = top, b = 0;
    for (int64_t t = 0; t < tiles; t++) {
      TilePixels<T> tile;
      for (int64_t left = parts[t].size(); left; left--) {
        place(tile, group, a, b, row, column);
        if (++b == column.count) b = 0, a++;
      }
      multiply(tile, row, column, panel, segments);
    }
  }
};

template <class T>
void gather_directly(const Gather<T>& gather, Team& team) {
  int64_t taps = 0;
  for (int64_t i = 0; i < gather.rows.phases; i++)
    for (int64_t j = 0; j < gather.columns.phases; j++)
      taps = larger(taps, gather.rows.phase[i].taps * gather.columns.phase[j].taps);
  const int64_t units = gather.units(), chunks = chunks_for(gather.operations(), units);
  for_chunks(team, chunks, [&](int64_t index, int worker) {
    auto* segments =
        static_cast<Segment<T>*>(team.workspace(worker, larger(1, taps) * int64_t(sizeof(Segment<T>))));
    const Range range = part(units, chunks, index);
    for (int64_t i = 0; i < gather.panels.count; i++)
      for (int64_t unit = range.begin; unit < range.end; unit++)
        gather.run_unit(unit, gather.panels[i], segments);
  });
}

// One phase, few channels, packed weights: the taps and channels of a patch are one run of k.
template <class T>
void gather_patches(const Gather<T>& gather, Team& team) {
  const AxisPhase& row = gather.rows.phase[0];
  const AxisPhase& column = gather.columns.phase[0];
  const int64_t depth = row.taps * column.taps * gather.source.channels;
  const int64_t band_rows = smaller(row.count, ceil_divide(96, column.count)),
                bands = ceil_divide(row.count, band_rows);
  const int64_t stride = round_up(band_rows * column.count, 16);
  const int64_t units = bands * gather.out.count, chunks = chunks_for(gather.operations(), units);
  for_chunks(team, chunks, [&](int64_t index, int worker) {
    T* patches = static_cast<T*>(team.workspace(worker, depth * stride * int64_t(sizeof(T))));
    const Range range = part(units, chunks, index);
    for (int64_t unit = range.begin; unit < range.end; unit++) {
      const int64_t n = unit / bands, top = unit % bands * band_rows,
                    height = smaller(row.count - top, band_rows);
      const int64_t pixels = height * column.count;
      write_patches(gather.source, gather.source.data + n * gather.source.image, row, gather.rows.source_step,
                    column, gather.columns.source_step, top, height, patches, stride);
      for (int64_t i = 0; i < gather.panels.count; i++) {
        const auto panel = gather.panels[i];
        const int64_t tiles = tiles_of(pixels, adjacent_rows_for[panel.vectors]);
        const Parts parts(pixels, tiles);
        Segment<T> segment;
        segment.panel = gather.weights.at(panel, 0, 0);
        segment.length = depth;
        T* out[max_adjacent_rows];
        T* line = gather.out.data + n * gather.out.image + top * gather.out.row;
        int64_t b = 0;
        for (int64_t t = 0; t < tiles; t++) {
          const Range rows = parts[t];
          segment.rows[0] = patches + rows.begin;
          for (int64_t r = 0; r < rows.size(); r++) {
            out[r] = line + b * gather.out.column;
            if (++b == column.count) b = 0, line += gather.out.row;
          }
          const TileCall<T> call{&segment,    1,          stride, gather.weights.step(panel), 0, 0, out,
                                 panel.first, panel.tail, false};
          adjacent_tile_kernel<T>(rows.size(), panel.vectors, panel.kind)(call);
        }
      }
    }
  });
}

}  // namespace

template <class T>
void gather_product(const Images<const T>& source, const Images<T>& out, const GatherAxis& rows,
                    const GatherAxis& columns, const TapPanels<T>& weights, const T* zeros, Team& team) {
  const Gather<T> gather(source, out, rows, columns, weights, zeros);
  const bool every_tap =
      rows.phases * columns.phases == 1 && rows.phase[0].taps * columns.phase[0].taps == weights.taps;
  if (source.channels < few_channels && every_tap && weights.packed) gather_patches(gather, team);
  else gather_directly(gather, team);
}

template void gather_product<float>(const Images<const float>&, const Images<float>&, const GatherAxis&,
                                    const GatherAxis&, const TapPanels<float>&, const float*, Team&);
template void gather_product<double>(const Images<const double>&, const Images<double>&, const GatherAxis&,
                                     const GatherAxis&, const TapPanels<double>&, const double*, Team&);

}  // namespace phynexus::PHYNEXUS_ISA::contract
