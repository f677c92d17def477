// Memory layouts that the convolution kernels want: images with adjacent channels, weights as panels.
#pragma once

#include "../chunks.h"
#include "product_tile.h"
#include "../movement/transpose.h"

namespace phynexus::PHYNEXUS_ISA::contract {

// A batch of images whose channels are adjacent in memory.
template <class T>
struct Images {
  T* data;
  int64_t count, channels, height, width;
  int64_t image, row, column;  // strides
};

template <class T>
bool channels_are_last(int64_t channels, const int64_t strides[4]) {
  return channels == 1 || strides[1] == 1;
}

// The images themselves if their channels are adjacent; otherwise where a copy of them goes, in `space`.
template <class T>
Images<T> channels_last(T* data, int64_t count, int64_t channels, int64_t height, int64_t width,
                        const int64_t s[4], T* space) {
  if (channels_are_last<T>(channels, s)) return {data, count, channels, height, width, s[0], s[2], s[3]};
  return {space, count, channels, height, width, height * width * channels, width * channels, channels};
}

// Elements of workspace that the copy needs.
template <class T>
int64_t channels_last_space(int64_t count, int64_t channels, int64_t height, int64_t width,
                            const int64_t s[4]) {
  return channels_are_last<T>(channels, s) ? 0 : count * channels * height * width;
}

// Copies rows of pixels between any strides and adjacent channels; `In` says which way.
template <bool In, class T>
void copy_images(T* any, const int64_t s[4], const Images<T>& last, Team& team) {
  const bool flat = s[2] == last.width * s[3];  // rows follow one another: treat an image as one long row
  const int64_t rows = flat ? 1 : last.height, length = flat ? last.height * last.width : last.width;
  const int64_t chunks = chunks_for(4.0 * last.count * last.channels * last.height * last.width, last.count);
  for_chunks(team, chunks, [&](int64_t index, int) {
    const Range range = part(last.count, chunks, index);
    for (int64_t n = range.begin; n < range.end; n++)
      for (int64_t h = 0; h < rows; h++) {
        T* from = any + n * s[0] + h * s[2];
        T* to = last.data + n * last.image + h * last.row;
        if (In) copy_matrix(from, s[3], s[1], to, last.column, length, last.channels);
        else copy_matrix_out(to, last.column, from, s[3], s[1], length, last.channels);
      }
  });
}

// Images to be read: themselves, or copied into `space`.
template <class T>
Images<const T> read_channels_last(const T* data, int64_t count, int64_t channels, int64_t height,
                                   int64_t width, const int64_t s[4], T* space, Team& team) {
  T* const source = const_cast<T*>(data);  // read only
  const Images<T> last = channels_last(source, count, channels, height, width, s, space);
  if (last.data != source) copy_images<true>(source, s, last, team);
  return {last.data, count, channels, height, width, last.image, last.row, last.column};
}

// Weights seen as one matrix [depth, width] for each tap of the kernel.
template <class T>
struct TapWeights {
  const T* data;
  int64_t depth, width, taps_h, taps_w;
  int64_t depth_stride, width_stride, h_stride, w_stride;

  int64_t taps() const { return taps_h * taps_w; }
  int64_t packed_elements() const { return taps() * depth * Panels<T>(width).padded_columns(); }
  bool usable_in_place() const { return width_stride == 1 || width == 1; }
};

// Where the panels of each tap are: in place, or packed as [panel][tap][depth][vectors].
template <class T>
struct TapPanels {
  const T* data;
  bool packed;
  int64_t depth, taps, taps_w, depth_stride, h_stride, w_stride;

  const T* at(const typename Panels<T>::Panel& panel, int64_t h, int64_t w) const {
    if (packed) return data + (panel.first * taps + (h * taps_w + w) * panel.vectors * lanes<T>)*depth;
    return data + panel.first + h * h_stride + w * w_stride;
  }
  int64_t step(const typename Panels<T>::Panel& panel) const {
    return packed ? panel.vectors * lanes<T> : depth_stride;
  }
};

template <class T>
TapPanels<T> panels_in_place(const TapWeights<T>& w) {
  return {w.data, false, w.depth, w.taps(), w.taps_w, w.depth_stride, w.h_stride, w.w_stride};
}

// Weights as other layouts have them: taps adjacent, and the taps of one channel after another. Column tap +
// taps * d of such a row belongs to row d + depth * tap of the panels.
struct TapOrder {
  int32_t* row;
  static int64_t size(int64_t depth, int64_t taps) { return depth * taps; }
  void fill(int64_t depth, int64_t taps) const {
    for (int64_t d = 0, i = 0; d < depth; d++)
      for (int64_t tap = 0; tap < taps; tap++) row[i++] = int32_t(tap * depth + d);
  }
};

template <class T>
TapPanels<T> pack_taps(const TapWeights<T>& w, T* space, const TapOrder& order, Team& team) {
  const Panels<T> panels(w.width);
  const int64_t taps = w.taps();
  const bool taps_adjacent = taps > 1 && w.w_stride == 1 && w.h_stride == w.taps_w;
  const bool rows_whole = taps_adjacent && w.depth_stride == taps;
  if (rows_whole) order.fill(w.depth, taps);
  const int64_t chunks = chunks_for(2.0 * w.width * w.depth * taps, panels.count);
  for_chunks(team, chunks, [&](int64_t index, int) {
    const Range range = part(panels.count, chunks, index);
    for (int64_t i = range.begin; i < range.end; i++) {
      const auto panel = panels[i];
      const int64_t step = panel.vectors * lanes<T>;
      const T* from = w.data + panel.first * w.width_stride;
      T* to = space + panel.first * taps * w.depth;
      if (rows_whole) {
        rows_to_vectors(from, w.width_stride, panel.width, w.depth * taps,
                        [=](int64_t c) { return to + order.row[c] * step; });
      } else if (taps_adjacent) {
        for (int64_t d = 0; d < w.depth; d++)
          rows_to_vectors(from + d * w.depth_stride, w.width_stride, panel.width, taps,
                          [=](int64_t tap) { return to + (tap * w.depth + d) * step; });
      } else {
        for (int64_t tap = 0; tap < taps; tap++)
          copy_matrix(from + tap / w.taps_w * w.h_stride + tap % w.taps_w * w.w_stride, w.depth_stride,
                      w.width_stride, to + tap * w.depth * step, step, w.depth, panel.width);
      }
    }
  });
  return {space, true, w.depth, taps, w.taps_w, 0, 0, 0};
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
