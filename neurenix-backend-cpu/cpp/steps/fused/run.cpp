#include <alloca.h>

#include <cstring>

#include "step.h"

namespace phynexus {
namespace {

inline void call(const FusedOp& op, char* const* slots, int64_t count) {
  if (op.code) return op.code(slots, count);
  const int64_t immediate =
      op.fourth.slot < 0 ? op.immediate : reinterpret_cast<int64_t>(op.fourth.at(slots));
  op.kernel(op.out.at(slots), op.a.at(slots), op.b.at(slots), op.c.at(slots), op.single ? 1 : count,
            immediate);
}

// How many of the partial results pushed so far lie in a level: the levels are digits of a number.
inline int64_t digit(int64_t pushed, int level) {
  for (int i = 0; i < level; i++) pushed /= reduction_radix;
  return level == reduction_levels - 1 ? pushed : pushed % reduction_radix;
}

}  // namespace

void FusedStep::start(char** slots) const {
  for (const FusedTile& load : first_loads)
    kernels->read_tile(load.dense.at(slots), load.strided.at(slots), load.tile, load.varies ? leading : 1);
  for (const FusedOp& op : first_ops) call(op, slots, leading * inner);
}

inline void FusedStep::block(char* const* slots, int64_t now, const RuntimeKernels& table) const {
  for (const FusedTile& load : loads)
    table.read_tile(load.dense.at(slots), load.strided.at(slots), load.tile, load.varies ? now : 1);
  const int64_t count = now * inner;
  for (const FusedOp& op : ops) call(op, slots, count);
}

void FusedStep::reduce_single(char* const* slots, int64_t now) const {
  const int64_t g = varying == by_groups ? groups * now : groups, r = varying == by_rows ? rows * now : rows,
                c = varying == by_columns ? columns * now : columns;
  for (const FusedReduction& reduction : reductions) {
    char* to = reduction.dense ? reduction.tile.strided.at(slots) : reduction.partial.at(slots);
    if (reduction.first_largest && !reduction.in_code)
      reduction.first_largest(reduction.values.at(slots), reduction.spare.at(slots),
                              reinterpret_cast<int32_t*>(to), reduction.row_positions.data(), 0, g, r, c,
                              false);
    else if (!reduction.in_code && !reduction.in_argmax)
      reduction.reduce(reduction.values.at(slots), to, reduction.spare.at(slots), g, r, c);
    if (!reduction.dense)
      kernels->write_tile(reduction.tile.strided.at(slots), to, reduction.tile.tile,
                          reduction.tile.varies ? now : 1);
  }
}

void FusedStep::reduce_step(char* const* slots, int64_t now, int64_t step) const {
  const int64_t g = varying == by_groups ? groups * now : groups, r = varying == by_rows ? rows * now : rows,
                c = varying == by_columns ? columns * now : columns, width = g * c;
  for (const FusedReduction& reduction : reductions) {
    char* partial = reduction.partial.at(slots);
    if (reduction.first_largest) {
      reduction.first_largest(reduction.values.at(slots), reduction.spare.at(slots),
                              reinterpret_cast<int32_t*>(partial), reduction.row_positions.data(),
                              reduction.step_positions[size_t(step)], g, r, c, step > 0);
      continue;
    }
    if (!reduction.in_code)
      reduction.reduce(reduction.values.at(slots), partial, reduction.spare.at(slots), g, r, c);
    char* level = reduction.levels.at(slots);
    const int last = reduction.compensated ? reduction_levels - 1 : 0;
    for (int i = 0;; i++, level += reduction.level_bytes) {
      int64_t before = step;  // digit `i` before this push
      for (int j = 0; j < i; j++) before /= reduction_radix;
      if (i < last) before %= reduction_radix;
      if (before == 0) std::memcpy(level, partial, size_t(width * reduction.item_bytes));
      else reduction.combine(level, level, partial, nullptr, width, 0);
      if (i == last || before + 1 < reduction_radix) break;
      partial = level;
    }
  }
}

// Adds up the levels, the newest first, and hands the result to the output or to the chunk's place.
void FusedStep::finish(char* const* slots, int64_t now, int64_t steps_done, char* saved) const {
  const int64_t g = varying == by_groups ? groups * now : groups,
                c = varying == by_columns ? columns * now : columns, width = g * c;
  for (const FusedReduction& reduction : reductions) {
    char* level = reduction.levels.at(slots);
    char* total = nullptr;
    const int last = reduction.compensated ? reduction_levels - 1 : 0;
    for (int i = 0; i <= last; i++, level += reduction.level_bytes) {
      if (reduction.compensated && digit(steps_done, i) == 0) continue;
      if (total) reduction.combine(total, level, total, nullptr, width, 0);
      else total = level;
    }
    if (saved) std::memcpy(saved + reduction.saved_offset, total, size_t(width * reduction.item_bytes));
    else
      kernels->write_tile(reduction.tile.strided.at(slots), total, reduction.tile.tile,
                          reduction.tile.varies ? now : 1);
  }
}

// Cells [first_cell, last_cell), of each the steps [first_step, last_step).
void FusedStep::walk_cells(char* const* bases, char* registers, int64_t first_cell, int64_t last_cell,
                           int64_t first_step, int64_t last_step, char* saved) const {
  const size_t operands = places.size(), depth = loops.size();
  char** slots = static_cast<char**>(alloca((operands + 1) * sizeof(char*)));
  int64_t* index = static_cast<int64_t*>(alloca((depth + 1) * sizeof(int64_t)));
  slots[0] = registers;
  for (size_t k = 0; k < operands; k++) slots[k + 1] = bases[k];
  start(slots);

  // To the first step of the first cell.
  const auto place = [&](size_t from, size_t to, int64_t position) {
    for (size_t d = to; d-- > from;) {
      index[d] = position % loops[d].count;
      position /= loops[d].count;
      for (size_t k = 0; k < operands; k++) slots[k + 1] += index[d] * loops[d].strides[k];
    }
  };
  const auto advance = [&](size_t from, size_t to) {
    for (size_t d = to; d-- > from;) {
      const FusedLoop& loop = loops[d];
      if (++index[d] < loop.count) {
        for (size_t k = 0; k < operands; k++) slots[k + 1] += loop.strides[k];
        return;
      }
      index[d] = 0;
      for (size_t k = 0; k < operands; k++) slots[k + 1] -= (loop.count - 1) * loop.strides[k];
    }
  };
  size_t split = depth;
  for (size_t d = 0; d < depth; d++)
    if (loops[d].split) split = d;

  place(0, cell_loops, first_cell);
  place(cell_loops, depth, first_step);
  const bool whole = first_step == 0 && last_step == steps;
  for (int64_t cell = first_cell; cell < last_cell; cell++) {
    int64_t now = leading;
    for (int64_t step = first_step; step < last_step; step++) {
      now = leading;
      if (split < depth && (index[split] + 1) * leading > split_size)
        now = split_size - index[split] * leading;
      block(slots, now, *kernels);
      if (!reductions.empty()) {
        if (steps == 1) reduce_single(slots, now);
        else reduce_step(slots, now, step - first_step);
      }
      for (const FusedTile& store : stores)
        kernels->write_tile(store.strided.at(slots), store.dense.at(slots), store.tile,
                            store.varies ? now : 1);
      // After the last step of all this goes back to the first one.
      if (whole || step + 1 < last_step) advance(cell_loops, depth);
    }
    if (!reductions.empty() && steps > 1) finish(slots, now, last_step - first_step, saved);
    if (cell + 1 < last_cell) advance(0, cell_loops);
  }
}

void FusedStep::merge_chunks(const Frame& frame) const {
  char* bases[1 + 1];
  for (int64_t cell = 0; cell < cells; cell++) {
    // The last piece along a cell's own axis may be short.
    int64_t now = leading, position = cell;
    for (size_t d = cell_loops; d-- > 0;) {
      const int64_t at = position % loops[d].count;
      position /= loops[d].count;
      if (loops[d].split && (at + 1) * leading > split_size) now = split_size - at * leading;
    }
    char* first = frame.workspace + cell * chunks * saved_bytes;
    for (const FusedReduction& reduction : reductions) {
      const int64_t width =
          (varying == by_groups ? groups * now : groups) * (varying == by_columns ? columns * now : columns);
      char* total = first + reduction.saved_offset;
      for (int64_t i = 1; i < chunks; i++)
        reduction.combine(total, total, total + i * saved_bytes, nullptr, width, 0);
      const size_t operand = size_t(reduction.tile.strided.slot - 1);
      bases[0] = places[operand].at(frame.bases);
      position = cell;
      for (size_t d = cell_loops; d-- > 0;) {
        bases[0] += position % loops[d].count * loops[d].strides[operand];
        position /= loops[d].count;
      }
      kernels->write_tile(bases[0], total, reduction.tile.tile, reduction.tile.varies ? now : 1);
    }
  }
}

void FusedStep::run(const Frame& frame) const {
  const size_t operands = places.size();
  char** slots = static_cast<char**>(alloca((operands + 1) * sizeof(char*)));
  slots[0] = frame.context->worker->registers;
  for (size_t k = 0; k < operands; k++) slots[k + 1] = places[k].at(frame.bases);
  if (loops.empty()) {
    block(slots, leading, *kernels);
    if (!reductions.empty()) reduce_single(slots, leading);
    for (const FusedTile& store : stores)
      kernels->write_tile(store.strided.at(slots), store.dense.at(slots), store.tile,
                          store.varies ? leading : 1);
    return;
  }
  char* const* bases = slots + 1;
  if (chunks > 1) {
    parallel_for(frame, cells * chunks, [&](int64_t item, Worker& worker) {
      const int64_t cell = item / chunks, chunk = item % chunks;
      walk_cells(bases, worker.registers, cell, cell + 1, steps * chunk / chunks,
                 steps * (chunk + 1) / chunks, frame.workspace + item * saved_bytes);
    });
    merge_chunks(frame);
  } else if (worth_threads) {
    parallel_ranges(frame, cells, cells_in_task, [&](int64_t begin, int64_t end, Worker& worker) {
      walk_cells(bases, worker.registers, begin, end, 0, steps, nullptr);
    });
  } else {
    walk_cells(bases, slots[0], 0, cells, 0, steps, nullptr);
  }
}

}  // namespace phynexus
