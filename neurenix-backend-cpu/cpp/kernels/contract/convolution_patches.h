// For a source of few channels (the first layer): patches[tap and channel][pixel], zeros where a tap falls
// outside.
#pragma once

#include "convolution_gather.h"

namespace phynexus::PHYNEXUS_ISA::contract {

// line[b] = from[b * step] for b in [begin, end), zero elsewhere in [0, count). Rows are short: masks spare
// the loops.
template <class T>
PHYNEXUS_INLINE void copy_row(const T* from, int64_t step, int64_t begin, int64_t end, int64_t count,
                              T* line) {
  constexpr int64_t W = lanes<T>;
  if (has_masks && (step == 1 || step == 2)) {
    for (int64_t b = 0; b < count; b += W) store(line + b, Vector<T>{}, Head<T>(smaller(W, count - b)));
    for (int64_t b = begin; b < end; b += W) {
      const int64_t n = smaller(W, end - b), needed = step * (n - 1) + 1;
      Vector<T> v = load(from + b * step, Head<T>(smaller(W, needed)));
      if (step == 2) {
        Vector<T> next{};
        if (needed > W) next = load(from + b * step + W, Head<T>(needed - W));
        v = even_lanes<T>(v, next);
      }
      store(line + b, v, Head<T>(n));
    }
    return;
  }
  for (int64_t b = 0; b < begin; b++) line[b] = 0;
  if (step == 1)
    for (int64_t b = begin; b < end; b++) line[b] = from[b];
  else
    for (int64_t b = begin; b < end; b++) line[b] = from[b * step];
  for (int64_t b = end; b < count; b++) line[b] = 0;
}

// Pixels (a, b), b < columns.count, of `height` rows a from `top` on, each row one after the other.
template <class T>
void write_patches(const Images<const T>& source, const T* image, const AxisPhase& rows, int64_t row_step,
                   const AxisPhase& columns, int64_t column_step, int64_t top, int64_t height, T* to,
                   int64_t to_stride) {
  for (int64_t i = 0; i < rows.taps; i++)
    for (int64_t j = 0; j < columns.taps; j++) {
      const int64_t offset = columns.tap[j].offset, step = column_step * source.column;
      // b * column_step + offset lies in [0, width) for b in [begin, end)
      const int64_t begin = smaller(columns.count, offset < 0 ? ceil_divide(-offset, column_step) : 0);
      const int64_t end =
          offset >= source.width
              ? begin
              : larger(begin, smaller(columns.count, (source.width - 1 - offset) / column_step + 1));
      for (int64_t c = 0; c < source.channels; c++, to += to_stride) {
        T* line = to;
        for (int64_t a = top; a < top + height; a++, line += columns.count) {
          const int64_t h = a * row_step + rows.tap[i].offset;
          const bool inside = h >= 0 && h < source.height;
          copy_row(image + (inside ? h * source.row : 0) + offset * source.column + c, step,
                   inside ? begin : 0, inside ? end : 0, columns.count, line);
        }
      }
    }
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
