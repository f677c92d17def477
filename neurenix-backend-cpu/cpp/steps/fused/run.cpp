// Runs a fused step: blocks one after the other, cells on all threads where that is worth it.
#include <alloca.h>

#include "step.h"

namespace phynexus::fused {

// Some cells, and of each some of its steps.
struct BlockStep::Part {
  int64_t first_cell = 0, end_cell = 1;
  int64_t first_step = 0, end_step = 1;
  char* saved = nullptr;  // where a chunk's partial results go, instead of to the outputs
};

// The addresses of the operands, which go from block to block.
class BlockStep::Walk {
 public:
  Walk(const BlockStep& step, char** slots, int64_t* index) : step_(step), slots_(slots), index_(index) {
    while (split_ < step.loops.size() && !step.loops[split_].split) split_++;
  }

  void go_to(size_t first_loop, size_t end_loop, int64_t position) {
    for (size_t d = end_loop; d-- > first_loop;) {
      const Loop& loop = step_.loops[d];
      index_[d] = position % loop.count;
      position /= loop.count;
      move(loop, index_[d]);
    }
  }
  void advance(size_t first_loop, size_t end_loop) {
    for (size_t d = end_loop; d-- > first_loop;) {
      const Loop& loop = step_.loops[d];
      if (++index_[d] < loop.count) return move(loop, 1);
      index_[d] = 0;
      move(loop, 1 - loop.count);
    }
  }
  // How much of `leading` the block here has.
  int64_t leading() const {
    const BlockSizes& sizes = step_.sizes;
    if (split_ == step_.loops.size() || (index_[split_] + 1) * sizes.leading <= sizes.split_size)
      return sizes.leading;
    return sizes.split_size - index_[split_] * sizes.leading;
  }

 private:
  void move(const Loop& loop, int64_t times) {
    for (size_t k = 0, operands = step_.places.size(); k < operands; k++)
      slots_[k + 1] += times * loop.strides[k];
  }

  const BlockStep& step_;
  char** slots_;
  int64_t* index_;
  size_t split_ = 0;
};

void BlockStep::start(char* const* slots) const {
  for (const PlacedTile& load : first_loads)
    kernels->read_tile(load.dense.at(slots), load.strided.at(slots), load.tile,
                       load.varies ? sizes.leading : 1);
  for (const Call& call : first_calls) call(slots, sizes.leading * sizes.inner);
}

inline void BlockStep::block(char* const* slots, int64_t now) const {
  for (const PlacedTile& load : loads)
    kernels->read_tile(load.dense.at(slots), load.strided.at(slots), load.tile, load.varies ? now : 1);
  const int64_t count = now * sizes.inner;
  for (const Call& call : calls) call(slots, count);
}

inline void BlockStep::store(char* const* slots, int64_t now) const {
  for (const PlacedTile& store : stores)
    kernels->write_tile(store.strided.at(slots), store.dense.at(slots), store.tile, store.varies ? now : 1);
}

void BlockStep::walk_part(char* const* bases, char* registers, const Part& part) const {
  const size_t operands = places.size(), depth = loops.size();
  char** slots = static_cast<char**>(alloca((operands + 1) * sizeof(char*)));
  int64_t* index = static_cast<int64_t*>(alloca((depth + 1) * sizeof(int64_t)));
  slots[0] = registers;
  for (size_t k = 0; k < operands; k++) slots[k + 1] = bases[k];
  start(slots);
  Walk walk(*this, slots, index);
  walk.go_to(0, cell_loops, part.first_cell);
  walk.go_to(cell_loops, depth, part.first_step);
  const bool all_steps = part.first_step == 0 && part.end_step == sizes.steps;
  for (int64_t cell = part.first_cell; cell < part.end_cell; cell++) {
    int64_t now = sizes.leading;
    for (int64_t step = part.first_step; step < part.end_step; step++) {
      now = walk.leading();
      block(slots, now);
      if (!reductions.empty()) {
        if (sizes.steps == 1) reduce_whole(slots, now);
        else reduce_step(slots, now, step - part.first_step);
      }
      store(slots, now);
      // After the last step of all this goes back to the first one.
      if (all_steps || step + 1 < part.end_step) walk.advance(cell_loops, depth);
    }
    if (!reductions.empty() && sizes.steps > 1)
      finish_cell(slots, now, part.end_step - part.first_step, part.saved);
    if (cell + 1 < part.end_cell) walk.advance(0, cell_loops);
  }
}

void BlockStep::run(const Frame& frame) const {
  const size_t operands = places.size();
  char** slots = static_cast<char**>(alloca((operands + 1) * sizeof(char*)));
  slots[0] = frame.context->worker->registers;
  for (size_t k = 0; k < operands; k++) slots[k + 1] = places[k].at(frame.bases);
  if (loops.empty()) {
    block(slots, sizes.leading);
    if (!reductions.empty()) reduce_whole(slots, sizes.leading);
    return store(slots, sizes.leading);
  }
  char* const* bases = slots + 1;
  const int64_t cells = sizes.cells, steps = sizes.steps;
  if (chunks > 1) {
    parallel_for(frame, cells * chunks, [&](int64_t item, Worker& worker) {
      const int64_t cell = item / chunks, chunk = item % chunks;
      walk_part(bases, worker.registers,
                {.first_cell = cell,
                 .end_cell = cell + 1,
                 .first_step = steps * chunk / chunks,
                 .end_step = steps * (chunk + 1) / chunks,
                 .saved = frame.workspace + item * saved_bytes});
    });
    merge_chunks(frame);
  } else if (worth_threads) {
    parallel_ranges(frame, cells, cells_in_task, [&](int64_t begin, int64_t end, Worker& worker) {
      walk_part(bases, worker.registers, {.first_cell = begin, .end_cell = end, .end_step = steps});
    });
  } else {
    walk_part(bases, slots[0], {.end_cell = cells, .end_step = steps});
  }
}

}  // namespace phynexus::fused
