// The parts of lowering a PHX_FUSED: params.cpp reads it and cuts the space into blocks, join.cpp
// joins ops, lower.cpp gives them registers and kernels, emit_code.cpp writes code instead of kernels.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "code.h"
#include "layout.h"

namespace phynexus {

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

// How an input lies in a block's rows, each of which it repeats or has an element of.
struct RowOperand {
  PlacedOp::Repeated repeated = PlacedOp::not_repeated;
  RowWalk walk;  // no starts: there is no need of one
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
  void count_readers();
  void emit();
  void emit_op(size_t index, bool first);
  void emit_outputs();
  void emit_reduction(size_t k, Source values);
  void join_argmax();
  Source block_register();
  Source small_register(int64_t bytes);
  void free_after(size_t index, const Op& op);
  void write_code();
  bool write_rows();
  StepPointer only_code() const;
  int64_t row_columns() const;
  bool sums_rows() const;
  bool finds_maxima(int64_t columns) const;
  const FusedReduction* maximum_of(const FusedReduction& argmax) const;
  RowResults row_results() const;
  std::optional<RowOperand> as_rows(size_t input, int64_t columns) const;
  std::vector<Source> read_after_ops() const;
  void drop_registers(const std::vector<Source>& used);
  bool may_share_memory(size_t input, size_t output) const;
  bool shares_shifted_memory() const;
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
  std::vector<std::pair<int32_t, int64_t>> allocated_;  // offset and bytes of each register
  std::vector<PlacedOp> placed_;                        // what step_->ops do
};

}  // namespace phynexus
