// Partial sums for the weights: a buffer for each chunk of pixels, and how the buffers become the weights,
// added in the order of the chunks, whoever summed them.
#pragma once

#include "convolution_layout.h"

namespace phynexus::PHYNEXUS_ISA::contract {

// Where the sums of one panel go: rows of columns for each tap and channel of x.
template <class T>
struct SumRows {
  T* data;
  int64_t tap_h, tap_w, channel;  // strides

  T* tap(int64_t h, int64_t w) const { return data + h * tap_h + w * tap_w; }
};

// A buffer is [panel][tap][channel of x][vectors of channels of g].
template <class T>
struct WeightSums {
  const ConvolutionProblem& p;
  Panels<T> panels;

  explicit WeightSums(const ConvolutionProblem& p) : p(p), panels(p.out_channels) {}
  int64_t taps() const { return p.kernel_h * p.kernel_w; }
  int64_t rows() const { return taps() * p.in_channels; }
  int64_t elements() const { return rows() * panels.padded_columns(); }
  // Weights with the taps adjacent, and the taps of one channel after another.
  bool rows_whole() const {
    return taps() > 1 && p.weight[3] == 1 && p.weight[2] == p.kernel_w && p.weight[1] == taps();
  }
  SumRows<T> rows_of(T* buffer, const typename Panels<T>::Panel& panel) const {
    const int64_t width = panel.vectors * lanes<T>;
    return {buffer + panel.first * rows(), p.kernel_w * p.in_channels * width, p.in_channels * width, width};
  }

  // weight = the buffers of all chunks; `order` has room for the order of the taps where rows are whole.
  void add_up(T* buffers, int64_t chunks, const TapOrder& order, T* weight, Team& team) const {
    if (rows_whole()) order.fill(p.in_channels, taps());
    const int64_t parts = chunks_for(4.0 * chunks * elements(), p.in_channels);
    for_chunks(team, parts, [&](int64_t index, int) {
      add_channels(buffers, chunks, part(p.in_channels, parts, index), order, weight);
    });
  }

 private:
  void add_channels(T* buffers, int64_t chunks, const Range& range, const TapOrder& order, T* weight) const {
    for (int64_t i = 0; i < panels.count; i++) {
      const auto panel = panels[i];
      const int64_t width = panel.vectors * lanes<T>;
      T* const first = buffers + panel.first * rows();
      for (int64_t tap = 0; tap < taps() && chunks > 1; tap++) {
        T* const sum = first + (tap * p.in_channels + range.begin) * width;
        for (int64_t chunk = 1; chunk < chunks; chunk++)
          for (int64_t j = 0; j < range.size() * width; j++) sum[j] += sum[chunk * elements() + j];
      }
      T* const to = weight + panel.first * p.weight[0];
      if (rows_whole()) {
        const int32_t* row = order.row + range.begin * taps();
        vectors_to_rows([=](int64_t c) { return first + row[c] * width; }, to + range.begin * p.weight[1],
                        p.weight[0], panel.width, range.size() * taps());
        continue;
      }
      for (int64_t tap = 0; tap < taps(); tap++)
        copy_matrix_out(
            first + (tap * p.in_channels + range.begin) * width, width,
            to + range.begin * p.weight[1] + tap / p.kernel_w * p.weight[2] + tap % p.kernel_w * p.weight[3],
            p.weight[1], p.weight[0], range.size(), panel.width);
    }
  }
};

}  // namespace phynexus::PHYNEXUS_ISA::contract
