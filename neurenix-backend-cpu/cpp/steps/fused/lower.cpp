// From the params of a PHX_FUSED to a FusedStep: which kernel runs on which registers.
#include <algorithm>
#include <cstring>

#include "engine/failure.h"
#include "builder.h"
#include "window_steps.h"

namespace phynexus {
namespace {

// What a reduction over nothing gives.
void identity(int32_t reduction, int32_t dtype, char* out) {
  const auto write = [&]<class T>(T value) { std::memcpy(out, &value, sizeof value); };
  const bool one = reduction == PHX_PROD || reduction == PHX_ALL;
  const bool extreme = reduction == PHX_MAX || reduction == PHX_MIN, low = reduction == PHX_MAX;
  switch (dtype) {
    case PHX_FLOAT32: return write(float(extreme ? (low ? -__builtin_inff() : __builtin_inff()) : one));
    case PHX_FLOAT64: return write(double(extreme ? (low ? -__builtin_inf() : __builtin_inf()) : one));
    case PHX_INT32: return write(int32_t(extreme ? (low ? INT32_MIN : INT32_MAX) : one));
    case PHX_INT64: return write(int64_t(extreme ? (low ? INT64_MIN : INT64_MAX) : one));
    case PHX_UINT32: return write(uint32_t(extreme ? (low ? 0 : UINT32_MAX) : one));
    default: return write(uint8_t(extreme ? (low ? 0 : 255) : one));
  }
}

struct FillStep final : Step {
  struct Fill {
    Place out;
    StridedCopy copy;
    alignas(8) char value[8];
  };
  const RuntimeKernels* kernels = nullptr;
  std::vector<Fill> fills;
  void run(const Frame& frame) const override {
    for (const Fill& fill : fills) kernels->copy(fill.out.at(frame.bases), fill.value, fill.copy);
  }
};

// Rough nanoseconds of an element, to decide what is worth the threads.
int64_t cost_of(const Op& op) {
  return op.opcode >= PHX_EXP && op.opcode <= PHX_ERF         ? 8
         : op.opcode == PHX_POW || op.opcode == PHX_REMAINDER ? 20
                                                              : 1;
}

PlacedOp splatted(const FusedOp& splat) {
  PlacedOp placed;
  placed.out = splat.out;
  placed.arity = 1;
  placed.arguments[0] = splat.a;
  placed.uniform[0] = true;
  return placed;
}

}  // namespace

Source FusedBuilder::block_register() {
  if (!free_blocks_.empty()) {
    const Source source = free_blocks_.back();
    free_blocks_.pop_back();
    return source;
  }
  return small_register(block_bytes_);
}

Source FusedBuilder::small_register(int64_t bytes) {
  const Source source{0, int32_t(file_bytes_)};
  allocated_.emplace_back(source.offset, round_up(bytes));
  file_bytes_ += round_up(bytes);
  if (file_bytes_ > INT32_MAX / 2) lack("a fused instruction needs too many registers");
  return source;
}

bool FusedBuilder::may_share_memory(size_t input, size_t output) const {
  const size_t region = size_t(lowering_.region - plan_.regions.data());
  return phynexus::may_share_memory(operand(input), operand(inputs_ + output), plan_.apart[region]);
}

ElementKernel FusedBuilder::kernel_for(const Op& op) const {
  const RuntimeKernels& k = lowering_.kernels;
  const auto uniform = [&](int position) { return registers_[size_t(op.arguments[position])].uniform; };
  const bool single =
      uniform(0) && (op.arguments[1] < 0 || uniform(1)) && (op.arguments[2] < 0 || uniform(2));
  switch (op.opcode) {
    case PHX_CAST: return k.cast(op.from, op.dtype);
    case PHX_BITCAST:
      return op.dtype == PHX_BOOL ? k.cast(op.from, op.dtype)
                                  : k.cast(op.from == PHX_BOOL ? int32_t(PHX_UINT8) : op.dtype, op.dtype);
    case PHX_WHERE: return k.where(op.dtype, !single && uniform(1), !single && uniform(2));
    case compare_where:
      return k.compare_where(op.relation, op.from, uniform(1), uniform(2),
                             registers_[size_t(op.arguments[3])].uniform);
    case multiply_plus:
    case multiply_minus:
    case minus_multiply: return k.multiply_add(op.opcode - multiply_plus, op.dtype, uniform(1));
    case fill: return k.splat(item_bytes(op.dtype));
    default: break;
  }
  if (op.arguments[1] < 0) return k.unary(op.opcode, op.from);
  const Form form = single       ? Form::vectors
                    : uniform(0) ? Form::first_uniform
                    : uniform(1) ? Form::second_uniform
                                 : Form::vectors;
  return k.binary(op.opcode, op.from, form);
}

bool FusedBuilder::read_later_from_memory(size_t output, size_t after) const {
  for (size_t k = 0; k < inputs_; k++) {
    const Register& r = registers_[k];
    if (r.memory && r.last_reader > int32_t(after) && may_share_memory(k, output)) return true;
  }
  return false;
}

// The output that op may write itself, or -1.
int64_t FusedBuilder::direct_output(size_t op_index) const {
  const Register& r = registers_[inputs_ + op_index];
  const bool single_element = layout_.block_elements() == 1;
  if ((r.uniform && !single_element) || (r.fixed && !layout_.loops.empty())) return -1;
  for (size_t j = 0; j < outputs_.size(); j++) {
    if (outputs_[j].value != int32_t(inputs_ + op_index) || outputs_[j].reduction) continue;
    const FusedTile tile = layout_.tile(inputs_ + j, item_bytes(r.dtype), false);
    const bool dense = single_element || layout_.access(tile) == Access::dense;
    if (dense && !read_later_from_memory(j, op_index)) return int64_t(j);
  }
  return -1;
}

void FusedBuilder::free_after(size_t index, const Op& op) {
  for (int i = 0; i < 4; i++) {
    const int32_t a = op.arguments[i];
    if (a < 0) continue;
    Register& r = registers_[size_t(a)];
    const bool hoisted = r.fixed && !layout_.loops.empty();
    if (!r.from_op || r.uniform || hoisted || r.source.slot != 0 || r.last_reader != int32_t(index)) continue;
    free_blocks_.push_back(r.source);
    r.last_reader = -1;  // once
  }
}

void FusedBuilder::emit_op(size_t index, bool first) {
  Op& op = ops_[index];
  Register& result = registers_[inputs_ + index];
  if (!result.uniform && op.opcode == PHX_WHERE && registers_[size_t(op.arguments[0])].uniform) {
    // One condition for the whole block: as a block of conditions.
    FusedOp splat;
    splat.kernel = lowering_.kernels.splat(1);
    splat.a = registers_[size_t(op.arguments[0])].source;
    splat.out = small_register(block_bytes_);
    (first ? step_->first_ops : step_->ops).push_back(splat);
    if (!first) placed_.push_back(splatted(splat));
    registers_.push_back({.dtype = PHX_BOOL, .source = splat.out});
    op.arguments[0] = int32_t(registers_.size()) - 1;
  }
  Register& r = registers_[inputs_ + index];
  FusedOp prepared;
  prepared.kernel = kernel_for(op);
  if (!prepared.kernel) lack(format("%s of %s", opcode_name(op.opcode), dtype_name(op.from)));
  prepared.immediate = op.immediate;
  prepared.single = r.uniform;
  Source* sources[4] = {&prepared.a, &prepared.b, &prepared.c, &prepared.fourth};
  bool same_size = true;
  for (int k = 0; k < 4; k++)
    if (op.arguments[k] >= 0) {
      *sources[k] = registers_[size_t(op.arguments[k])].source;
      same_size &= item_bytes(registers_[size_t(op.arguments[k])].dtype) == item_bytes(r.dtype);
    }
  const int64_t direct = direct_output(index);
  if (direct >= 0) {
    output_done_[size_t(direct)] = true;
    r.source = {int32_t(inputs_ + size_t(direct) + 1), 0};
    free_after(index, op);
  } else if (r.uniform || first) {
    r.source = small_register(r.uniform ? 8 : block_bytes_);
  } else {
    // The result may take the place of an operand that nobody reads again.
    if (same_size) free_after(index, op);
    r.source = block_register();
    if (!same_size) free_after(index, op);
  }
  prepared.out = r.source;
  if (first) return step_->first_ops.push_back(prepared);
  step_->ops.push_back(prepared);
  PlacedOp placed;
  placed.op = op;
  placed.known = true;
  placed.single = r.uniform;
  placed.out = r.source;
  for (; placed.arity < 4 && op.arguments[placed.arity] >= 0; placed.arity++) {
    const int k = placed.arity;
    const Register& argument = registers_[size_t(op.arguments[k])];
    placed.arguments[k] = *sources[k];
    placed.uniform[k] = argument.uniform;
    placed.dtypes[k] = argument.dtype;
  }
  placed_.push_back(placed);
}

// Whether an output is written over an input that lies a little beside it: then a whole block must be read
// before it is written.
bool FusedBuilder::shares_shifted_memory() const {
  for (size_t k = 0; k < inputs_; k++)
    for (size_t j = 0; j < outputs_.size(); j++) {
      if (!output_done_[j] || !registers_[k].memory || !may_share_memory(k, j)) continue;
      const phx_value &a = operand(k), &b = operand(inputs_ + j);
      if (a.offset != b.offset || a.rank != b.rank || a.dtype != b.dtype) return true;
      for (int d = 0; d < a.rank; d++)
        if (a.shape[d] != b.shape[d] || (a.shape[d] > 1 && a.strides[d] != b.strides[d])) return true;
    }
  return false;
}

void FusedBuilder::emit() {
  for (size_t i = 0; i < ops_.size(); i++)
    if (!ops_[i].gone && registers_[inputs_ + i].readers > 0)
      emit_op(i, registers_[inputs_ + i].fixed && !layout_.loops.empty());
}

void FusedBuilder::emit_reduction(size_t k, Source values) {
  const int32_t dtype = registers_[size_t(outputs_[k].value)].dtype;
  static constexpr int32_t joins[] = {PHX_ADD, PHX_MUL,        PHX_MAXIMUM,    PHX_MINIMUM,
                                      0,       PHX_BITWISE_OR, PHX_BITWISE_AND};
  const bool argmax = outputs_[k].reduction == PHX_ARGMAX;
  const int32_t size = argmax ? 4 : item_bytes(dtype);
  FusedReduction reduction;
  if (argmax) {
    reduction.first_largest = lowering_.kernels.first_largest(dtype);
    layout_.find_positions(inputs_ + outputs_.size(), reduction.row_positions, reduction.step_positions);
  } else {
    reduction.reduce = lowering_.kernels.reduce(outputs_[k].reduction, dtype);
    reduction.combine =
        lowering_.kernels.binary(joins[outputs_[k].reduction - PHX_SUM], dtype, Form::vectors);
    if (!reduction.reduce || !reduction.combine)
      lack(format("%s of %s", opcode_name(outputs_[k].reduction), dtype_name(dtype)));
  }
  reduction.values = values;
  reduction.item_bytes = size;
  // Room for half of the rows, where these are shorter than half a vector (see reduce.cpp).
  const bool narrow = layout_.columns > 1 && (layout_.varying == FusedStep::by_columns ||
                                              layout_.columns * 2 * item_bytes(dtype) < PHX_ALIGNMENT);
  reduction.spare = argmax || narrow ? small_register(block_bytes_) : values;
  reduction.tile = layout_.tile(inputs_ + k, size, true);
  reduction.tile.strided = {int32_t(inputs_ + k + 1), 0};
  reduction.dense = layout_.access(reduction.tile) == Access::dense;
  const int64_t most =
      layout_.groups * layout_.columns *
      (layout_.varying == FusedStep::by_groups || layout_.varying == FusedStep::by_columns ? layout_.leading
                                                                                           : 1);
  reduction.level_bytes = round_up(most * size);
  reduction.partial = small_register(reduction.level_bytes);
  reduction.compensated = outputs_[k].reduction == PHX_SUM;
  reduction.is_float32 = dtype == PHX_FLOAT32;
  reduction.is_max = outputs_[k].reduction == PHX_MAX;
  if (argmax) reduction.levels = reduction.partial;
  else if (layout_.steps > 1)
    reduction.levels = small_register(reduction.level_bytes * (reduction.compensated ? reduction_levels : 1));
  reduction.saved_offset = step_->saved_bytes;
  step_->saved_bytes += reduction.level_bytes;
  step_->reductions.push_back(reduction);
}

// An argmax finds the maximum on its way: one pass for both, where a block has all that is reduced.
void FusedBuilder::join_argmax() {
  auto& all = step_->reductions;
  std::stable_partition(all.begin(), all.end(), [](const auto& r) { return r.first_largest != nullptr; });
  if (layout_.steps > 1) return;
  for (FusedReduction& argmax : all)
    for (FusedReduction& max : all) {
      const bool same = max.values.slot == argmax.values.slot && max.values.offset == argmax.values.offset;
      if (!argmax.first_largest || !max.is_max || !same || max.in_argmax) continue;
      argmax.spare = max.dense ? max.tile.strided : max.partial;
      max.in_argmax = true;
      break;
    }
}

void FusedBuilder::emit_outputs() {
  for (size_t k = 0; k < outputs_.size(); k++) {
    if (output_done_[k]) continue;
    const Register& r = registers_[size_t(outputs_[k].value)];
    Source source = r.source;
    FusedTile tile = layout_.tile(inputs_ + k, item_bytes(r.dtype), false);
    const bool dense = layout_.access(tile) == Access::dense || layout_.block_elements() == 1;
    if (r.uniform && layout_.block_elements() > 1) {
      FusedOp splat;
      splat.kernel = lowering_.kernels.splat(item_bytes(r.dtype));
      splat.a = source;
      const bool direct = dense && !outputs_[k].reduction && !read_later_from_memory(k, at_the_end - 1);
      source = splat.out = direct ? Source{int32_t(inputs_ + k + 1), 0} : small_register(block_bytes_);
      step_->ops.push_back(splat);
      placed_.push_back(splatted(splat));
      if (direct) continue;
    }
    if (outputs_[k].reduction) {
      emit_reduction(k, source);
    } else {
      tile.dense = source;
      tile.strided = {int32_t(inputs_ + k + 1), 0};
      step_->stores.push_back(tile);
    }
  }
}

StepPointer FusedBuilder::build() {
  read_params();
  if (empty_space()) {
    auto fills = std::make_unique<FillStep>();
    fills->kernels = &lowering_.kernels;
    for (size_t k = 0; k < outputs_.size(); k++) {
      const phx_value& out = operand(inputs_ + k);
      if (!outputs_[k].reduction || element_count(out) == 0) continue;
      phx_value one = out;
      std::fill(one.strides, one.strides + PHX_MAX_RANK, 0);
      FillStep::Fill item{step_->places[inputs_ + k], plan_copy(one, out), {}};
      identity(outputs_[k].reduction, out.dtype, item.value);
      fills->fills.push_back(item);
    }
    return fills;
  }
  make_layout();
  classify_inputs();
  follow_uniform();
  join_ops();
  emit();
  emit_outputs();
  join_argmax();
  write_code();

  int64_t cost = 2;
  for (const Op& op : ops_) cost += cost_of(op);
  FusedStep& s = *step_;
  const int64_t cell_elements = layout_.total / layout_.cells;
  // All of this depends on sizes alone, and so do the results.
  s.worth_threads = layout_.total * cost >= 300'000 && s.cells > 1;
  s.cells_in_task = std::max<int64_t>(1, 60'000 / std::max<int64_t>(1, cell_elements * cost));
  const bool merges = reduces_ && std::all_of(s.reductions.begin(), s.reductions.end(),
                                              [](const auto& r) { return r.first_largest == nullptr; });
  if (merges && s.cells < 16 && layout_.total * cost >= 300'000 && s.steps >= 8)
    s.chunks = std::min<int64_t>(32 / s.cells, s.steps / 4);
  lowering_.register_bytes = std::max(lowering_.register_bytes, file_bytes_);
  if (StepPointer code = only_code()) return code;
  return std::move(step_);
}

StepPointer lower_fused(Lowering& lowering, const phx_instruction& instruction) {
  if (StepPointer step = lower_window_reduction(lowering, instruction)) return step;
  return FusedBuilder(lowering, instruction).build();
}

}  // namespace phynexus
