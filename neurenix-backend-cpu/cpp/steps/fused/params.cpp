// What a PHX_FUSED says, how its space is cut into blocks, and where its inputs are read.
#include <algorithm>

#include "builder.h"
#include "engine/plan/instructions.h"

namespace phynexus {

void FusedBuilder::read_params() {
  const Fused p = phynexus::read_params<Fused>(plan_, instruction_);
  inputs_ = size_t(instruction_.inputs);
  for (size_t k = 0; k < inputs_; k++) registers_.push_back({.dtype = operand(k).dtype});
  for (const Fused::Op& said : p.ops) {
    Op op;
    op.opcode = int32_t(said.opcode);
    op.dtype = int32_t(said.dtype);
    const int64_t named[3] = {said.a, said.b, said.c};
    for (int k = 0; k < arity(said.opcode); k++) op.arguments[k] = int32_t(named[k]);
    op.from = registers_[size_t(op.arguments[op.opcode == PHX_WHERE ? 1 : 0])].dtype;
    op.immediate = said.immediate;
    ops_.push_back(op);
    registers_.push_back({.dtype = op.dtype, .from_op = true});
  }
  for (const Fused::End& end : p.ends) {
    outputs_.push_back({int32_t(end.value), int32_t(end.reduction)});
    reduces_ |= end.reduction != 0;
  }
  output_done_.assign(outputs_.size(), false);
  for (const Register& r : registers_) largest_item_ = std::max<int64_t>(largest_item_, item_bytes(r.dtype));

  // Operands in the order of their say in the order of axes: see sort_axes.
  for (size_t d = 0; d < p.shape.size(); d++) {
    Axis axis{p.shape[d], reduces_ && (p.reduced >> d & 1), {}};
    for (size_t k = 0; k < inputs_ + outputs_.size(); k++) {
      const bool lacks = k >= inputs_ && axis.reduced && outputs_[k - inputs_].reduction;
      axis.strides.push_back(lacks ? 0 : operand(k).strides[d] * item_bytes(operand(k).dtype));
    }
    axes_.push_back(std::move(axis));
  }
  // Behind the operands: steps in the row-major order of what is reduced, for argmax.
  int64_t position = 1;
  for (size_t d = axes_.size(); d-- > 0;) {
    axes_[d].strides.push_back(axes_[d].reduced ? position : 0);
    if (axes_[d].reduced) position *= axes_[d].size;
  }
  for (size_t k = 0; k < inputs_ + outputs_.size(); k++) step_->places.push_back(lowering_.place(operand(k)));
}

bool FusedBuilder::empty_space() {
  return std::any_of(axes_.begin(), axes_.end(), [](const Axis& axis) { return axis.size == 0; });
}

// Blocks as large as the first-level cache allows, beside what the step reads and writes.
void FusedBuilder::make_layout() {
  std::vector<int32_t> last(registers_.size(), -1);
  for (size_t i = 0; i < ops_.size(); i++)
    for (int32_t a : ops_[i].arguments)
      if (a >= 0) last[size_t(a)] = int32_t(i);
  int64_t live = 0, most = 0;
  for (size_t i = 0; i < ops_.size(); i++) {
    most = std::max(most, ++live);
    for (size_t r = inputs_; r < inputs_ + i; r++)
      if (last[r] == int32_t(i)) live--;
  }
  // What repeats within a block is little, wherever it is kept.
  int64_t streams = most + int64_t(outputs_.size());
  for (size_t k = 0; k < inputs_; k++)
    streams += std::none_of(axes_.begin(), axes_.end(),
                            [&](const Axis& axis) { return axis.size > 1 && axis.strides[k] == 0; });
  int64_t limit = 2048;
  while (limit > 256 && limit * largest_item_ * streams > lowering_.kernels.block_bytes) limit /= 2;
  int64_t total = 1;
  for (const Axis& axis : axes_) total *= axis.size;
  const int64_t every = most + int64_t(inputs_ + outputs_.size());
  if (total <= 2048 && total * largest_item_ * every <= 64 * 1024) limit = std::max(limit, total);
  layout_ = lay_out(std::move(axes_), limit);

  FusedStep& s = *step_;
  s.kernels = &lowering_.kernels;
  s.loops = layout_.loops;
  s.cell_loops = layout_.cell_loops;
  s.cells = layout_.cells;
  s.steps = layout_.steps;
  s.leading = layout_.leading;
  s.inner = layout_.inner;
  s.split_size = layout_.split_size;
  s.groups = layout_.groups;
  s.rows = layout_.rows;
  s.columns = layout_.columns;
  s.varying = decltype(s.varying)(layout_.varying);
  block_bytes_ = round_up(layout_.block_elements() * largest_item_) + PHX_ALIGNMENT;  // see read_tile
}

void FusedBuilder::classify_inputs() {
  for (size_t k = 0; k < inputs_; k++) {
    Register& r = registers_[k];
    FusedTile tile = layout_.tile(k, item_bytes(r.dtype), false);
    r.fixed = layout_.same_in_all_blocks(k);
    Access access = layout_.access(tile);
    if (layout_.block_elements() == 1) access = Access::dense;
    r.uniform = access == Access::uniform;
    // An output that is a mere copy of an input is written at the end of the block; another output may by
    // then have been written over that input.
    bool copied = false;
    for (size_t j = 0; j < outputs_.size(); j++)
      if (outputs_[j].value == int32_t(k))
        for (size_t other = 0; other < outputs_.size(); other++)
          copied |= other != j && may_share_memory(k, other);
    r.memory = access != Access::strided && !copied;
    if (r.memory) {
      r.source = {int32_t(k + 1), 0};
      continue;
    }
    r.source = small_register(r.uniform ? 2 * PHX_ALIGNMENT : block_bytes_);
    tile.dense = r.source;
    tile.strided = {int32_t(k + 1), 0};
    if (r.uniform) {
      tile.varies = false;
      tile.tile.factor = 1;
    }
    (r.fixed && !layout_.loops.empty() ? step_->first_loads : step_->loads).push_back(tile);
  }
}

}  // namespace phynexus
