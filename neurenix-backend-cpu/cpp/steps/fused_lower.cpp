// From the params of a PHX_FUSED to a FusedStep: which kernel runs on which registers.
#include <algorithm>
#include <cstring>

#include "../errors.h"
#include "fused_layout.h"
#include "window_steps.h"

namespace phynexus {
namespace {

// Beyond the opcodes of the plan: what two of them become together.
enum : int32_t { compare_where = 1000, multiply_plus = 1001, multiply_minus = 1002, minus_multiply = 1003, fill = 1004 };

struct Op {
  int32_t opcode = 0, dtype = 0;
  int32_t from = 0;  // dtype of the operands
  int32_t arguments[4] = {-1, -1, -1, -1};
  int64_t immediate = 0;
  int32_t relation = 0;  // of compare_where
  bool gone = false;     // has become part of a later one
};

struct Register {
  int32_t dtype = 0;
  bool uniform = false;
  bool fixed = false;   // the same in all blocks
  bool memory = false;  // read where the operand lies
  bool from_op = false;
  int32_t readers = 0;  // ops and outputs
  int32_t last_reader = -1;
  Source source{};
};

struct Output {
  int32_t value = 0, reduction = 0;
};

constexpr int32_t at_the_end = 1 << 30;

class FusedBuilder {
 public:
  FusedBuilder(Lowering& lowering, const phx_instruction& instruction)
      : lowering_(lowering), instruction_(instruction), plan_(lowering.plan), step_(new FusedStep) {}

  StepPointer build();

 private:
  void read_params();
  bool empty_space();
  void make_layout();
  void classify_inputs();
  void follow_uniform();
  void join_ops();
  void flip_to_vector_first(Op& op);
  void count_readers();
  void emit();
  void emit_op(size_t index, bool first);
  void emit_outputs();
  void emit_reduction(size_t k, Source values);
  Source block_register();
  Source small_register(int64_t bytes);
  void free_after(size_t index, const Op& op);
  bool may_share_memory(size_t input, size_t output) const;
  bool read_later_from_memory(size_t output, size_t after) const;
  int64_t direct_output(size_t op_index) const;
  ElementKernel kernel_for(const Op& op) const;
  const phx_value& operand(size_t k) const { return *plan_.operand(instruction_, int64_t(k)); }

  Lowering& lowering_;
  const phx_instruction& instruction_;
  const Plan& plan_;
  std::unique_ptr<FusedStep> step_;
  FusedLayout layout_;
  std::vector<Op> ops_;
  std::vector<Register> registers_;
  std::vector<Output> outputs_;
  std::vector<bool> output_done_;
  std::vector<Axis> axes_;
  size_t inputs_ = 0;
  int64_t largest_item_ = 1, block_bytes_ = 0, file_bytes_ = 0;
  bool reduces_ = false;
  std::vector<Source> free_blocks_;
};

void FusedBuilder::read_params() {
  const int64_t* p = plan_.params_of(instruction_);
  const int64_t op_count = p[0], output_count = p[1], reduced = p[2], rank = p[3];
  inputs_ = size_t(instruction_.inputs);
  for (size_t k = 0; k < inputs_; k++) registers_.push_back({.dtype = operand(k).dtype});
  const int64_t* q = p + 4 + rank;
  for (int64_t i = 0; i < op_count; i++, q += 6) {
    Op op;
    op.opcode = int32_t(q[0]);
    op.dtype = int32_t(q[1]);
    const int arity = op.opcode == PHX_WHERE ? 3 : op.opcode >= PHX_ADD ? 2 : 1;
    for (int k = 0; k < arity; k++) op.arguments[k] = int32_t(q[2 + k]);
    op.from = registers_[size_t(op.arguments[op.opcode == PHX_WHERE ? 1 : 0])].dtype;
    op.immediate = q[5];
    ops_.push_back(op);
    registers_.push_back({.dtype = op.dtype, .from_op = true});
  }
  for (int64_t k = 0; k < output_count; k++, q += 2) {
    outputs_.push_back({int32_t(q[0]), int32_t(q[1])});
    reduces_ |= q[1] != 0;
  }
  output_done_.assign(outputs_.size(), false);
  for (const Register& r : registers_) largest_item_ = std::max<int64_t>(largest_item_, item_bytes(r.dtype));

  // Operands in the order of their say in the order of axes: see sort_axes.
  for (int64_t d = 0; d < rank; d++) {
    Axis axis{p[4 + d], reduces_ && (reduced >> d & 1), {}};
    for (size_t k = 0; k < inputs_ + outputs_.size(); k++) {
      const bool lacks = k >= inputs_ && axis.reduced && outputs_[k - inputs_].reduction;
      axis.strides.push_back(lacks ? 0 : operand(k).strides[d] * item_bytes(operand(k).dtype));
    }
    axes_.push_back(std::move(axis));
  }
  for (size_t k = 0; k < inputs_ + outputs_.size(); k++) step_->places.push_back(lowering_.place(operand(k)));
}

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
  const int64_t streams = most + int64_t(inputs_ + outputs_.size());
  int64_t limit = 2048;
  while (limit > 256 && limit * largest_item_ * streams > 24 * 1024) limit /= 2;
  int64_t total = 1;
  for (const Axis& axis : axes_) total *= axis.size;
  if (total <= 2048 && total * largest_item_ * streams <= 64 * 1024) limit = std::max(limit, total);
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
  file_bytes_ += round_up(bytes);
  if (file_bytes_ > INT32_MAX / 2) lack("a fused instruction needs too many registers");
  return source;
}

bool FusedBuilder::may_share_memory(size_t input, size_t output) const {
  const phx_value &a = operand(input), &b = operand(inputs_ + output);
  if (a.space == PHX_CONSTANTS) return false;
  if (a.space == b.space && a.index == b.index) {
    const Extent x = extent_of(a), y = extent_of(b);
    return x.low < y.high && y.low < x.high;
  }
  // What a caller passes lies outside the frame's own scratch.
  return a.space != PHX_SCRATCH && b.space != PHX_SCRATCH && !(a.space == PHX_OUTPUT && b.space == PHX_OUTPUT);
}

void FusedBuilder::classify_inputs() {
  for (size_t k = 0; k < inputs_; k++) {
    Register& r = registers_[k];
    FusedTile tile = layout_.tile(k, item_bytes(r.dtype), false);
    r.fixed = layout_.same_in_all_blocks(k);
    Access access = layout_.access(tile);
    if (layout_.block_elements() == 1) access = Access::dense;
    r.uniform = access == Access::uniform;
    // An output that is a mere copy of an input is written at the end of the block; another output may by then have
    // been written over that input.
    bool copied = false;
    for (size_t j = 0; j < outputs_.size(); j++)
      if (outputs_[j].value == int32_t(k))
        for (size_t other = 0; other < outputs_.size(); other++) copied |= other != j && may_share_memory(k, other);
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

void FusedBuilder::follow_uniform() {
  for (size_t i = 0; i < ops_.size(); i++) {
    Register& r = registers_[inputs_ + i];
    r.uniform = r.fixed = true;
    for (int32_t a : ops_[i].arguments)
      if (a >= 0) {
        r.uniform &= registers_[size_t(a)].uniform;
        r.fixed &= registers_[size_t(a)].fixed;
      }
  }
}

void FusedBuilder::count_readers() {
  for (Register& r : registers_) r.readers = 0, r.last_reader = -1;
  for (size_t i = 0; i < ops_.size(); i++)
    if (!ops_[i].gone)
      for (int32_t a : ops_[i].arguments)
        if (a >= 0) {
          registers_[size_t(a)].readers++;
          registers_[size_t(a)].last_reader = int32_t(i);
        }
  for (const Output& output : outputs_) {
    registers_[size_t(output.value)].readers++;
    registers_[size_t(output.value)].last_reader = at_the_end;
  }
}

int32_t mirrored(int32_t relation) {
  switch (relation) {
    case PHX_LESS: return PHX_GREATER;
    case PHX_LESS_EQUAL: return PHX_GREATER_EQUAL;
    case PHX_GREATER: return PHX_LESS;
    case PHX_GREATER_EQUAL: return PHX_LESS_EQUAL;
    default: return relation;
  }
}

// A comparison with the selection that it decides, a product with the sum that it goes into: one pass, not two.
void FusedBuilder::join_ops() {
  count_readers();
  for (size_t i = 0; i < ops_.size(); i++) {
    Op& op = ops_[i];
    if (registers_[inputs_ + i].uniform) continue;
    const auto made_by = [&](int32_t argument) -> Op* {
      if (argument < int32_t(inputs_)) return nullptr;
      const Register& r = registers_[size_t(argument)];
      Op& maker = ops_[size_t(argument) - inputs_];
      // What is computed once for all blocks stays apart.
      const bool hoisted = r.fixed && !layout_.loops.empty();
      return r.readers == 1 && !r.uniform && !hoisted && !maker.gone ? &maker : nullptr;
    };
    const auto is_uniform = [&](int32_t argument) { return registers_[size_t(argument)].uniform; };
    if (op.opcode == PHX_WHERE && op.dtype == PHX_FLOAT32) {
      Op* maker = made_by(op.arguments[0]);
      if (!maker || maker->from != PHX_FLOAT32 || maker->opcode < PHX_EQUAL || maker->opcode > PHX_GREATER_EQUAL)
        continue;
      int32_t a = maker->arguments[0], b = maker->arguments[1], relation = maker->opcode;
      if (is_uniform(a)) std::swap(a, b), relation = mirrored(relation);
      const int32_t yes = op.arguments[1], no = op.arguments[2];
      maker->gone = true;
      op.opcode = compare_where;
      op.relation = relation;
      op.from = PHX_FLOAT32;
      op.arguments[0] = a, op.arguments[1] = b, op.arguments[2] = yes, op.arguments[3] = no;
    } else if ((op.opcode == PHX_ADD || op.opcode == PHX_SUB) &&
               (op.dtype == PHX_FLOAT32 || op.dtype == PHX_FLOAT64)) {
      for (int side : {0, 1}) {
        Op* maker = made_by(op.arguments[side]);
        const int32_t other = op.arguments[1 - side];
        if (!maker || maker->opcode != PHX_MUL || is_uniform(other)) continue;
        int32_t a = maker->arguments[0], b = maker->arguments[1];
        if (is_uniform(a)) std::swap(a, b);
        maker->gone = true;
        op.opcode = op.opcode == PHX_ADD ? multiply_plus : side == 0 ? multiply_minus : minus_multiply;
        op.arguments[0] = a, op.arguments[1] = b, op.arguments[2] = other;
        break;
      }
    }
  }
  count_readers();
}

ElementKernel FusedBuilder::kernel_for(const Op& op) const {
  const RuntimeKernels& k = lowering_.kernels;
  const auto uniform = [&](int position) { return registers_[size_t(op.arguments[position])].uniform; };
  const bool single = uniform(0) && (op.arguments[1] < 0 || uniform(1)) && (op.arguments[2] < 0 || uniform(2));
  switch (op.opcode) {
    case PHX_CAST: return k.cast(op.from, op.dtype);
    case PHX_BITCAST: return op.dtype == PHX_BOOL ? k.cast(op.from, op.dtype) : k.cast(op.from == PHX_BOOL ? int32_t(PHX_UINT8) : op.dtype, op.dtype);
    case PHX_WHERE: return k.where(op.dtype, !single && uniform(1), !single && uniform(2));
    case compare_where: return k.compare_where(op.relation, op.from, uniform(1), uniform(2), registers_[size_t(op.arguments[3])].uniform);
    case multiply_plus:
    case multiply_minus:
    case minus_multiply: return k.multiply_add(op.opcode - multiply_plus, op.dtype, uniform(1));
    case fill: return k.splat(item_bytes(op.dtype));
    default: break;
  }
  if (op.arguments[1] < 0) return k.unary(op.opcode, op.from);
  const Form form = single ? Form::vectors
                    : uniform(0) ? Form::first_uniform : uniform(1) ? Form::second_uniform : Form::vectors;
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
    registers_.push_back({.dtype = PHX_BOOL, .source = splat.out});
    op.arguments[0] = int32_t(registers_.size()) - 1;
  }
  Register& r = registers_[inputs_ + index];
  FusedOp prepared;
  prepared.kernel = kernel_for(op);
  if (!prepared.kernel)
    lack(format("%s of %s", opcode_name(op.opcode), dtype_name(op.from)));
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
  (first ? step_->first_ops : step_->ops).push_back(prepared);
}

void FusedBuilder::emit() {
  for (size_t i = 0; i < ops_.size(); i++)
    if (!ops_[i].gone && registers_[inputs_ + i].readers > 0)
      emit_op(i, registers_[inputs_ + i].fixed && !layout_.loops.empty());
}

void FusedBuilder::emit_reduction(size_t k, Source values) {
  const int32_t dtype = registers_[size_t(outputs_[k].value)].dtype, size = item_bytes(dtype);
  static constexpr int32_t joins[] = {PHX_ADD, PHX_MUL, PHX_MAXIMUM, PHX_MINIMUM, 0, PHX_BITWISE_OR, PHX_BITWISE_AND};
  FusedReduction reduction;
  reduction.reduce = lowering_.kernels.reduce(outputs_[k].reduction, dtype);
  reduction.combine = lowering_.kernels.binary(joins[outputs_[k].reduction - PHX_SUM], dtype, Form::vectors);
  if (!reduction.reduce || !reduction.combine)
    lack(format("%s of %s", opcode_name(outputs_[k].reduction), dtype_name(dtype)));
  reduction.values = values;
  reduction.item_bytes = size;
  reduction.spare = small_register(block_bytes_);
  reduction.tile = layout_.tile(inputs_ + k, size, true);
  reduction.tile.strided = {int32_t(inputs_ + k + 1), 0};
  reduction.dense = layout_.access(reduction.tile) == Access::dense;
  const int64_t most = layout_.groups * layout_.columns * (layout_.varying == FusedStep::by_groups ||
                                                           layout_.varying == FusedStep::by_columns
                                                       ? layout_.leading : 1);
  reduction.level_bytes = round_up(most * size);
  reduction.partial = small_register(reduction.level_bytes);
  reduction.compensated = outputs_[k].reduction == PHX_SUM;
  if (layout_.steps > 1)
    reduction.levels = small_register(reduction.level_bytes * (reduction.compensated ? reduction_levels : 1));
  reduction.saved_offset = step_->saved_bytes;
  step_->saved_bytes += reduction.level_bytes;
  step_->reductions.push_back(reduction);
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

// Rough nanoseconds of an element, to decide what is worth the threads.
int64_t cost_of(const Op& op) {
  return op.opcode >= PHX_EXP && op.opcode <= PHX_ERF ? 8 : op.opcode == PHX_POW || op.opcode == PHX_REMAINDER ? 20 : 1;
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

  int64_t cost = 2;
  for (const Op& op : ops_) cost += cost_of(op);
  FusedStep& s = *step_;
  const int64_t cell_elements = layout_.total / layout_.cells;
  // All of this depends on sizes alone, and so do the results.
  s.worth_threads = layout_.total * cost >= 300'000 && s.cells > 1;
  s.cells_in_task = std::max<int64_t>(1, 60'000 / std::max<int64_t>(1, cell_elements * cost));
  if (reduces_ && s.cells < 16 && layout_.total * cost >= 300'000 && s.steps >= 8)
    s.chunks = std::min<int64_t>(32 / s.cells, s.steps / 4);
  lowering_.register_bytes = std::max(lowering_.register_bytes, file_bytes_);
  return std::move(step_);
}

}  // namespace

StepPointer lower_fused(Lowering& lowering, const phx_instruction& instruction) {
  if (StepPointer step = lower_window_reduction(lowering, instruction)) return step;
  return FusedBuilder(lowering, instruction).build();
}

}  // namespace phynexus
