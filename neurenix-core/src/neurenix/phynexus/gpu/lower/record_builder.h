// The Builder of one frame: first it counts an instruction's phases and workspaces, then it writes its records.
#pragma once

#include <algorithm>

#include "frame_records.h"

namespace phynexus::gpu {

// What one leaf takes in the levels that are its own.
struct Footprint {
  struct Workspace {
    int64_t bytes = 0;
    int first_phase = 0;
    int64_t offset = 0;  // in the frame's scratch, once it is known
  };
  // Of the operands in scratch, where they went: the pointer's offset before, and how far it moves.
  struct Move {
    int64_t origin, bytes;
  };
  std::vector<Workspace> workspaces;
  std::vector<Move> moves;
  std::vector<uint32_t> kernels;  // of each phase, as bits
  int phases = 1;
  int first_level = 0;
  int last_level() const { return first_level + phases - 1; }
  void runs(int kernel, int phase) {
    kernels.resize(std::max(kernels.size(), size_t(phase) + 1));
    kernels[size_t(phase)] |= uint32_t(1) << kernel;
  }
};

class RecordBuilder final : public Builder {
 public:
  RecordBuilder(Lowering& lowering, bool within_task, FrameRecords& out)
      : Builder(lowering.plan),
        target(lowering.target),
        program(lowering.program),
        lowering_(lowering),
        out_(out),
        within_task_(within_task) {}

  const Target& target;
  Program& program;

  // lower(*this) for one leaf: only counts where `writes` is false.
  template <class Lower>
  void run(const Leaf& leaf, Footprint& footprint, bool writes, const Lower& lower) {
    leaf_ = &leaf;
    footprint_ = &footprint;
    writes_ = writes;
    phase_ = 0;
    next_workspace_ = 0;
    lower(*this);
    footprint.phases = phase_ + 1;
    footprint.kernels.resize(size_t(footprint.phases));
  }

  Pointer place(const phx_value& value) const override {
    return where_it_went(leaf_->environment->place(value));
  }
  // Of a place that the leaf reads or writes.
  Pointer where_it_went(Pointer p) const {
    if (p.base != base_scratch) return p;
    for (const Footprint::Move& move : footprint_->moves)
      if (move.origin == p.offset) return moved(p, move.bytes);
    return p;
  }
  Pointer workspace(int64_t bytes) override;
  int64_t add_data(const void* bytes, int64_t size) override {
    return writes_ ? program.add(bytes, size) : 0;
  }
  void next_phase() override { phase_++; }
  bool within_task() const override { return within_task_; }
  int32_t threads() const override { return target.threads; }
  bool tensor_cores() const override { return target.tensor_cores; }
  int32_t precision() const override { return target.precision; }
  int64_t most_counted() const override { return target.most_counted; }
  bool library_takes(const LibraryProduct& product) const override;
  bool library_rounds() const override { return target.library_rounds; }
  void add_library_product(const LibraryProduct& product) override;

  const Environment& environment() const { return *leaf_->environment; }
  // A map's body as a task runs it.
  const FrameRecords& body(size_t region);
  // A launch of its own in the current phase, on the whole device.
  void add_launch(Launch launch);
  bool writes() const { return writes_; }

 protected:
  void add_bytes(Handler handler, int64_t tiles, const void* params, int64_t size) override;

 private:
  int level() const { return footprint_->first_level + phase_; }

  Lowering& lowering_;
  FrameRecords& out_;
  bool within_task_;
  const Leaf* leaf_ = nullptr;
  Footprint* footprint_ = nullptr;
  bool writes_ = false;
  int phase_ = 0;
  size_t next_workspace_ = 0;
};

// Lowers a map to a launch of tasks, and its sums.
void lower_map(RecordBuilder& builder, const phx_instruction& instruction);
// A map's summed output: term k of it lies k * bytes behind the first.
struct Sum {
  const phx_value* output;
  Pointer first;
  int64_t bytes;
};
// All of so many terms, in phases of their own.
void lower_sums(Builder& builder, const std::vector<Sum>& sums, int64_t terms);
void lower_move(Builder& builder, Pointer from, Pointer to, int64_t bytes);

}  // namespace phynexus::gpu
