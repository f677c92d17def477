// For a source of few channels (the first layer): patches[tap and channel][pixel], zeros where a tap falls outside.
#pragma once

#include "convolution_gather.h"

namespace phynexus::PHYNEXUS_ISA::contract {

// Pixels (a, b), b < columns.count, of `height` rows a from `top` on, each row one after the other.
template <class T>
void write_patches(const Images<const T>& source, const T* image, const AxisPhase& rows, int64_t row_step,
                   const AxisPhase& columns, int64_t column_step, int64_t top, int64_t height, T* to, int64_t to_stride) {
  for (int64_t i = 0; i < rows.taps; i++)
    for (int64_t j = 0; j < columns.taps; j++) {
      const int64_t offset = columns.tap[j].offset, step = column_step * source.column;
      // b * column_step + offset lies in [0, width) for b in [begin, end)
      const int64_t begin = smaller(columns.count, offset < 0 ? ceil_divide(-offset, column_step) : 0);
      const int64_t end = offset >= source.width ? begin
                          : larger(begin, smaller(columns.count, (source.width - 1 - offset) / column_step + 1));
      for (int64_t c = 0; c < source.channels; c++, to += to_stride) {
        T* line = to;
        for (int64_t a = top; a < top + height; a++, line += columns.count) {
          const int64_t h = a * row_step + rows.tap[i].offset;
          if (h < 0 || h >= source.height) {
            for (int64_t b = 0; b < columns.count; b++) line[b] = 0;
            continue;
          }
          for (int64_t b = 0; b < begin; b++) line[b] = 0;
          const T* from = image + h * source.row + offset * source.column + c;
          if (step == 1)
            for (int64_t b = begin; b < end; b++) line[b] = from[b];
          else
            for (int64_t b = begin; b < end; b++) line[b] = from[b * step];
          for (int64_t b = end; b < columns.count; b++) line[b] = 0;
        }
      }
    }
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
