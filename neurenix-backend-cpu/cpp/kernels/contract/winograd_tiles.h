// Tiles of 2 by 2 results, each from 4 by 4 pixels of the source: where they lie, and the way between images
// and the sixteen matrices [tile, channel] that Winograd's algorithm multiplies.
#pragma once

#include "convolution_layout.h"
#include "winograd_transforms.h"

namespace phynexus::PHYNEXUS_ISA::contract {

// Row i of the result reads rows i - pad_h to i - pad_h + 2 of the source.
struct TileGrid {
  int64_t images, height, width;  // of the result
  int64_t pad_h, pad_w;
  int64_t rows, columns;  // of tiles in an image

  TileGrid(int64_t images, int64_t height, int64_t width, int64_t pad_h, int64_t pad_w)
      : images(images),
        height(height),
        width(width),
        pad_h(pad_h),
        pad_w(pad_w),
        rows(ceil_divide(height, 2)),
        columns(ceil_divide(width, 2)) {}
  int64_t tiles() const { return images * rows * columns; }
  // Points of all tiles that are needed: the last along an axis serves the second result alone.
  double points() const {
    return double(images) * double(2 * height + height % 2) * double(2 * width + width % 2);
  }
};

// Some tiles in the order that matrices have them: whole ones, those that lack their right column, both, or
// their bottom row. The last points along an axis serve its second result alone, so the tiles that a point is
// needed for are some at the start and some at the end.
struct TileBlock {
  const TileGrid& grid;
  Range range;
  int64_t begin[4] = {};  // of each kind

  TileBlock(const TileGrid& grid, const Range& range) : grid(grid), range(range) {
    int64_t count[4] = {};
    each_run([&](const Run& run) {
      count[kind(run.top, run.left)] += run.count - 1;
      count[kind(run.top, run.left + 2 * run.count - 2)]++;
    });
    for (int k = 1; k < 4; k++) begin[k] = begin[k - 1] + count[k - 1];
  }

  struct Needed {
    int64_t first, last, tiles;
    int64_t count() const { return first + last; }
    int64_t tile(int64_t i) const { return i < first ? i : i + tiles - first - last; }
  };
  Needed needed(int64_t point) const {
    const bool second_row = point / 4 == 3, second_column = point % 4 == 3;
    if (second_column) return {begin[1], second_row ? 0 : range.size() - begin[3], range.size()};
    return {second_row ? begin[2] : range.size(), 0, range.size()};
  }

  // Tiles beside one another: top and left of the first one's results, and where matrices have them.
  struct Run {
    int64_t image, top, left, count, first, last;
    int64_t tile(int64_t i) const { return i + 1 < count ? first + i : last; }
  };
  template <class Step>
  PHYNEXUS_INLINE void for_runs(const Step& step) const {
    int64_t next[4] = {begin[0], begin[1], begin[2], begin[3]};
    each_run([&](Run run) {
      int64_t& at = next[kind(run.top, run.left)];
      run.first = at;
      at += run.count - 1;
      run.last = next[kind(run.top, run.left + 2 * run.count - 2)]++;
      step(run);
    });
  }
  // step(tile, image, top, left)
  template <class Step>
  PHYNEXUS_INLINE void for_tiles(const Step& step) const {
    for_runs([&](const Run& run) {
      for (int64_t i = 0; i < run.count; i++) step(run.tile(i), run.image, run.top, run.left + 2 * i);
    });
  }

 private:
  PHYNEXUS_INLINE int kind(int64_t top, int64_t left) const {
    const bool row = top + 1 < grid.height, column = left + 1 < grid.width;
    return column ? (row ? 0 : 3) : (row ? 1 : 2);
  }
  template <class Step>
  PHYNEXUS_INLINE void each_run(const Step& step) const {
    int64_t image = range.begin / (grid.rows * grid.columns), i = range.begin / grid.columns % grid.rows,
            j = range.begin % grid.columns;
    for (int64_t left = range.size(), count; left; left -= count) {
      count = smaller(left, grid.columns - j);
      step(Run{image, 2 * i, 2 * j, count, 0, 0});
      j = 0;
      if (++i == grid.rows) i = 0, image++;
    }
  }
};

// Sixteen matrices [tile, channel], one for each point of the transformed tiles. The gap between two of them
// keeps their rows out of one another's cache sets.
struct PointMatrices {
  float* data;
  int64_t row, matrix;  // strides

  PointMatrices(float* data, int64_t tiles, int64_t channels)
      : data(data), row(round_up(channels, lanes<float>)), matrix((round_up(tiles * row, 16) | 16) + 32) {}
  int64_t elements() const { return winograd_points * matrix; }
  float* at(int64_t point, int64_t tile) const { return data + point * matrix + tile * row; }
};

// Pixels outside an image are read from, and results beyond its edge written to, an array of one pixel.
template <class T, int N>
PHYNEXUS_INLINE void place_pixels(const Images<T>& images, int64_t image, int64_t top, int64_t left,
                                  T* outside, T* pixel[N][N]) {
  T* const base = images.data + image * images.image;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      const int64_t h = top + i, w = left + j;
      const bool inside = uint64_t(h) < uint64_t(images.height) && uint64_t(w) < uint64_t(images.width);
      pixel[i][j] = inside ? base + h * images.row + w * images.column : outside;
    }
}

// to = B^T d B for the source d of each tile. Tiles beside one another share two columns.
PHYNEXUS_INLINE void write_source_points(const Images<const float>& source, const TileBlock& block,
                                         const float* zeros, const PointMatrices& to) {
  block.for_runs([&](const TileBlock::Run& run) {
    const float* line[4];
    int64_t step[4];
    for (int i = 0; i < 4; i++) {
      const int64_t h = run.top - block.grid.pad_h + i;
      const bool inside = uint64_t(h) < uint64_t(source.height);
      line[i] = inside ? source.data + run.image * source.image + h * source.row : zeros;
      step[i] = inside ? source.column : 0;
    }
    for_channel_vectors(source.channels, [&](int64_t c, const Head<float>* head) {
      int64_t w = run.left - block.grid.pad_w;
      const auto next_column = [&](Floats d[4][4], int j) {
        if (uint64_t(w) < uint64_t(source.width)) {
          PHYNEXUS_UNROLL for (int i = 0; i < 4; i++) d[i][j] = load_some(line[i] + w * step[i] + c, head);
          source_points(d[0][j], d[1][j], d[2][j], d[3][j]);
        } else {
          PHYNEXUS_UNROLL for (int i = 0; i < 4; i++) d[i][j] = Floats{};
        }
        w++;
      };
      Floats d[4][4];
      next_column(d, 0);
      next_column(d, 1);
      for (int64_t t = 0; t < run.count; t++) {
        next_column(d, 2);
        next_column(d, 3);
        float* const first = to.at(0, run.tile(t)) + c;
        PHYNEXUS_UNROLL for (int i = 0; i < 4; i++) {
          Floats p[4] = {d[i][0], d[i][1], d[i][2], d[i][3]};
          source_points(p[0], p[1], p[2], p[3]);
          PHYNEXUS_UNROLL for (int j = 0; j < 4; j++) store(first + (4 * i + j) * to.matrix, p[j]);
          d[i][0] = d[i][2], d[i][1] = d[i][3];
        }
      }
    });
  });
}

// result = A^T m A for the points m of each tile.
PHYNEXUS_INLINE void write_results(const PointMatrices& from, const TileBlock& block,
                                   const Images<float>& result, float* beyond) {
  block.for_tiles([&](int64_t t, int64_t image, int64_t top, int64_t left) {
    float* pixel[2][2];
    place_pixels<float, 2>(result, image, top, left, beyond, pixel);
    const float* const first = from.at(0, t);
    for_channel_vectors(result.channels, [&](int64_t c, const Head<float>* head) {
      Floats m[4][4], y[2][2];
      PHYNEXUS_UNROLL for (int i = 0; i < 16; i++) m[i / 4][i % 4] = load(first + i * from.matrix + c);
      result_of_points(m, y);
      PHYNEXUS_UNROLL for (int i = 0; i < 4; i++) store_some(pixel[i / 2][i % 2] + c, y[i / 2][i % 2], head);
    });
  });
}

// to = A y A^T for the results' gradients y of each tile.
PHYNEXUS_INLINE void write_gradient_points(const Images<const float>& gradient, const TileBlock& block,
                                           const float* zeros, const PointMatrices& to) {
  block.for_tiles([&](int64_t t, int64_t image, int64_t top, int64_t left) {
    const float* pixel[2][2];
    place_pixels<const float, 2>(gradient, image, top, left, zeros, pixel);
    float* const first = to.at(0, t);
    for_channel_vectors(gradient.channels, [&](int64_t c, const Head<float>* head) {
      Floats y[2][2], m[4][4];
      PHYNEXUS_UNROLL for (int i = 0; i < 4; i++) y[i / 2][i % 2] = load_some(pixel[i / 2][i % 2] + c, head);
      points_of_result(y, m);
      PHYNEXUS_UNROLL for (int i = 0; i < 16; i++) store(first + i * to.matrix + c, m[i / 4][i % 4]);
    });
  });
}

// Asks for the pixels of the next block, a few before each product of this one: they come from far away, and
// products leave the way free.
struct Ahead {
  const TileGrid& grid;
  int64_t pixels, products;  // four for each tile of the block; products that follow
  int64_t image, i, j;       // the next tile
  int64_t product = 0, pixel = 0;

  Ahead(const TileGrid& grid, const Range& tiles, int64_t products)
      : grid(grid),
        pixels(4 * tiles.size()),
        products(products),
        image(tiles.begin / (grid.rows * grid.columns)),
        i(tiles.begin / grid.columns % grid.rows),
        j(tiles.begin % grid.columns) {}

  template <class... Source>
  PHYNEXUS_INLINE void next(const Source&... sources) {
    product++;
    for (; pixel * products < pixels * product && pixel < pixels; pixel++) {
      (ask(sources, 2 * i + pixel / 2 % 2, 2 * j + pixel % 2), ...);
      if (pixel % 4 < 3) continue;
      if (++j < grid.columns) continue;
      j = 0;
      if (++i == grid.rows) i = 0, image++;
    }
  }

 private:
  PHYNEXUS_INLINE void ask(const Images<const float>& source, int64_t h, int64_t w) const {
    if (h >= source.height || w >= source.width) return;
    const float* first = source.data + image * source.image + h * source.row + w * source.column;
    for (int64_t c = 0; c < source.channels; c += 16) __builtin_prefetch(first + c, 0, 2);
  }
};

}  // namespace phynexus::PHYNEXUS_ISA::contract
