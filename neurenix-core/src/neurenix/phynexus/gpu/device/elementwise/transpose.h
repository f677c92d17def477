// Copies where the input lies together along one axis and the output along another: by tiles through shared memory, so
// that neighbouring threads read neighbours and write neighbours.
#pragma once

#include "../group.h"
#include "params.h"
#include "walk.h"

namespace phynexus::gpu {

template <class T>
DEVICE void transpose_tile(const TransposeParams& p, const char* from, char* to, int64_t in_left,
                           int64_t out_left, const Group& group) {
  T(*memory)[transpose_side + 1] = reinterpret_cast<T(*)[transpose_side + 1]>(group.memory);
  for (int k = group.thread; k < transpose_side * transpose_side; k += group.threads) {
    const int row = k / transpose_side,
              column = k % transpose_side;  // along the output's axis, along the input's
    if (row < out_left && column < in_left)
      memory[row][column] = *reinterpret_cast<const T*>(from + row * p.in_far + column * int64_t(sizeof(T)));
  }
  group.barrier();
  for (int k = group.thread; k < transpose_side * transpose_side; k += group.threads) {
    const int row = k / transpose_side,
              column = k % transpose_side;  // along the input's axis, along the output's
    if (row < in_left && column < out_left)
      *reinterpret_cast<T*>(to + row * p.out_far + column * int64_t(sizeof(T))) = memory[column][row];
  }
}

DEVICE void transpose(const TransposeParams& p, char* const* bases, int64_t tile, const Group& group) {
  int64_t indices[max_rank];
  find_indices(tile, p.sizes, 0, p.axes + 2, p.large != 0, indices);
  const int64_t in_first = indices[p.axes] * transpose_side, out_first = indices[p.axes + 1] * transpose_side;
  const char* from =
      bases[p.in.at.base] + offset_of(p.in, p.axes, indices) + in_first * p.item_bytes + out_first * p.in_far;
  char* to = bases[p.out.at.base] + offset_of(p.out, p.axes, indices) + out_first * p.item_bytes +
             in_first * p.out_far;
  const int64_t in_left = p.in_size - in_first, out_left = p.out_size - out_first;
  switch (p.item_bytes) {
    case 1: return transpose_tile<uint8_t>(p, from, to, in_left, out_left, group);
    case 2: return transpose_tile<uint16_t>(p, from, to, in_left, out_left, group);
    case 4: return transpose_tile<uint32_t>(p, from, to, in_left, out_left, group);
    default: return transpose_tile<uint64_t>(p, from, to, in_left, out_left, group);
  }
}

}  // namespace phynexus::gpu
