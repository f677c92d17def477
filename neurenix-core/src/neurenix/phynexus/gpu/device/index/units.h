// Which unit a thread has in a tile, and what a run of elements there is.
#pragma once

#include "../elementwise/walk.h"
#include "params.h"

namespace phynexus::gpu {

DEVICE int64_t unit_of(int64_t tile, const Group& group) { return tile * group.threads + group.thread; }

DEVICE void unit_indices(const UnitWalk& walk, int64_t unit, int64_t* indices) {
  find_indices(unit, walk.sizes, 0, walk.axes, walk.large != 0, indices);
}

DEVICE int run_present(const UnitWalk& walk, const int64_t* indices) {
  if (walk.run_axis < 0) return 1;
  const int64_t left = walk.run_size - indices[walk.run_axis] * run_of_index;
  return left < run_of_index ? int(left) : run_of_index;
}

DEVICE char* place_of(const ChainOperand& operand, char* const* bases, int axes, const int64_t* indices) {
  return bases[operand.at.base] + offset_of(operand, axes, indices);
}

DEVICE_CALL int64_t along_axes_offset(const Along& along, const int64_t* strides, int64_t number) {
  int64_t indices[max_rank], offset = 0;
  find_indices(number, along.sizes, 0, along.axes, along.large != 0, indices);
  ROLLED
  for (int d = 0; d < along.axes; d++) offset += indices[d] * strides[d];
  return offset;
}
// The offset of the element of that number along the axes of `along`.
DEVICE int64_t along_offset(const Along& along, const int64_t* strides, int64_t number) {
  return along.axes == 1 ? number * strides[0] : along_axes_offset(along, strides, number);
}

DEVICE int64_t clamped(int64_t index, int64_t most) { return index < 0 ? 0 : index > most ? most : index; }

}  // namespace phynexus::gpu
