// Reductions of a fused step: within a block, over the steps of a cell by levels, over the chunks of a cell.
#include <cstring>

#include "step.h"

namespace phynexus::fused {
namespace {

int last_level(const Reduction& reduction) { return reduction.is_sum() ? reduction_levels - 1 : 0; }

// How many of the partial results pushed so far lie in a level: the levels are digits of a number.
int64_t digit(int64_t pushed, int level) {
  for (int i = 0; i < level; i++) pushed /= reduction_radix;
  return level == reduction_levels - 1 ? pushed : pushed % reduction_radix;
}

// Adds a step's partial result to the first level, a full level to the next one.
void push(const Reduction& reduction, char* level, const char* partial, int64_t width, int64_t step) {
  const int last = last_level(reduction);
  for (int i = 0;; i++, level += reduction.level_bytes) {
    int64_t before = step;  // digit `i` before this push
    for (int j = 0; j < i; j++) before /= reduction_radix;
    if (i < last) before %= reduction_radix;
    if (before == 0) std::memcpy(level, partial, size_t(width * reduction.item_bytes));
    else reduction.combine(level, level, partial, nullptr, width, 0);
    if (i == last || before + 1 < reduction_radix) return;
    partial = level;
  }
}

// The sum of the levels, the newest first, which lies in one of them.
char* total_of_levels(const Reduction& reduction, char* level, int64_t width, int64_t steps_done) {
  char* total = nullptr;
  for (int i = 0; i <= last_level(reduction); i++, level += reduction.level_bytes) {
    if (reduction.is_sum() && digit(steps_done, i) == 0) continue;
    if (total) reduction.combine(total, level, total, nullptr, width, 0);
    else total = level;
  }
  return total;
}

}  // namespace

void BlockStep::reduce_whole(char* const* slots, int64_t now) const {
  const int64_t g = sizes.groups_of(now), r = sizes.rows_of(now), c = sizes.columns_of(now);
  for (const Reduction& reduction : reductions) {
    char* to = reduction.dense ? reduction.tile.strided.at(slots) : reduction.partial.at(slots);
    if (!reduction.in_code && reduction.first_largest)
      reduction.first_largest(reduction.values.at(slots), reduction.spare.at(slots),
                              reinterpret_cast<int32_t*>(to), reduction.positions.rows.data(), 0, g, r, c,
                              false);
    else if (!reduction.in_code && !reduction.in_argmax)
      reduction.reduce(reduction.values.at(slots), to, reduction.spare.at(slots), g, r, c);
    if (!reduction.dense)
      kernels->write_tile(reduction.tile.strided.at(slots), to, reduction.tile.tile,
                          reduction.tile.varies ? now : 1);
  }
}

void BlockStep::reduce_step(char* const* slots, int64_t now, int64_t step) const {
  const int64_t g = sizes.groups_of(now), r = sizes.rows_of(now), c = sizes.columns_of(now);
  for (const Reduction& reduction : reductions) {
    char* partial = reduction.partial.at(slots);
    if (reduction.first_largest) {
      reduction.first_largest(reduction.values.at(slots), reduction.spare.at(slots),
                              reinterpret_cast<int32_t*>(partial), reduction.positions.rows.data(),
                              reduction.positions.steps[size_t(step)], g, r, c, step > 0);
      continue;
    }
    if (!reduction.in_code)
      reduction.reduce(reduction.values.at(slots), partial, reduction.spare.at(slots), g, r, c);
    push(reduction, reduction.levels.at(slots), partial, g * c, step);
  }
}

// Hands the results of a cell to the outputs, or to the chunk's place.
void BlockStep::finish_cell(char* const* slots, int64_t now, int64_t steps_done, char* saved) const {
  const int64_t width = sizes.width_of(now);
  for (const Reduction& reduction : reductions) {
    const char* total = total_of_levels(reduction, reduction.levels.at(slots), width, steps_done);
    if (saved) std::memcpy(saved + reduction.saved_offset, total, size_t(width * reduction.item_bytes));
    else
      kernels->write_tile(reduction.tile.strided.at(slots), total, reduction.tile.tile,
                          reduction.tile.varies ? now : 1);
  }
}

void BlockStep::merge_chunks(const Frame& frame) const {
  for (int64_t cell = 0; cell < sizes.cells; cell++) merge_cell(frame, cell);
}

void BlockStep::merge_cell(const Frame& frame, int64_t cell) const {
  // The last piece along a cell's own axis may be short.
  int64_t now = sizes.leading;
  const auto each_loop = [&](const auto& f) {
    int64_t position = cell;
    for (size_t d = cell_loops; d-- > 0;) {
      f(loops[d], position % loops[d].count);
      position /= loops[d].count;
    }
  };
  each_loop([&](const Loop& loop, int64_t at) {
    if (loop.split && (at + 1) * sizes.leading > sizes.split_size)
      now = sizes.split_size - at * sizes.leading;
  });
  for (const Reduction& reduction : reductions) {
    char* total = frame.workspace + cell * chunks * saved_bytes + reduction.saved_offset;
    for (int64_t i = 1; i < chunks; i++)
      reduction.combine(total, total, total + i * saved_bytes, nullptr, sizes.width_of(now), 0);
    const size_t operand = size_t(reduction.tile.strided.slot - 1);
    char* to = places[operand].at(frame.bases);
    each_loop([&](const Loop& loop, int64_t at) { to += at * loop.strides[operand]; });
    kernels->write_tile(to, total, reduction.tile.tile, reduction.tile.varies ? now : 1);
  }
}

}  // namespace phynexus::fused
