// One instruction on random operands with strides of any kind, lowered by itself and run on the emulator.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/failure.h"
#include "gpu/device/arguments.h"
#include "gpu/device/contract/numbers.h"
#include "gpu/device/numbers.h"
#include "gpu/emulator/fibers.h"
#include "gpu/emulator/launch.h"
#include "gpu/lower/contract/product.h"
#include "gpu/lower/handler_facts.h"

namespace phynexus::gpu::tests {

// Base k is operand k; the last one is the workspace.
class TestBuilder final : public Builder {
 public:
  TestBuilder(const Plan& plan, int32_t threads) : Builder(plan), threads_(threads) {}

  struct Entry {
    Record record;
    int phase;
  };
  std::vector<Entry> records;
  std::vector<char> program = std::vector<char>(16);
  int64_t workspace_bytes = 0;

  Pointer place(const phx_value& value) const override {
    return {.base = value.index, .offset = value.offset};
  }
  Pointer workspace(int64_t bytes) override {
    const int64_t at = workspace_bytes;
    workspace_bytes += (bytes + 63) / 64 * 64;
    return {.base = int32_t(plan.values.size()), .offset = at};
  }
  int64_t add_data(const void* bytes, int64_t size) override {
    const size_t at = (program.size() + 15) / 16 * 16;
    program.resize(at + size_t(size));
    if (size) std::memcpy(program.data() + at, bytes, size_t(size));
    return int64_t(at);
  }
  void next_phase() override { phase_++; }
  bool within_task() const override { return false; }
  int32_t threads() const override { return threads_; }

 protected:
  void add_bytes(Handler handler, int64_t tiles, const void* params, int64_t size) override {
    if (tiles > 0)
      records.push_back({{.handler = handler, .tiles = tiles, .params = add_data(params, size)}, phase_});
  }

 private:
  int32_t threads_;
  int phase_ = 0;
};

class Problem {
 public:
  // The operands' shapes, inputs first; all of one dtype.
  Problem(std::mt19937& random, int32_t dtype, int32_t opcode, std::vector<int64_t> params,
          std::vector<std::vector<int64_t>> shapes, int outputs = 1) {
    plan_ = std::make_unique<Plan>();
    const auto pick = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random);
    };
    for (size_t operand = 0; operand < shapes.size(); operand++) {
      const std::vector<int64_t>& shape = shapes[operand];
      phx_value value{};
      value.dtype = dtype;
      value.rank = int32_t(shape.size());
      value.space = PHX_INPUT;
      value.index = int32_t(operand);
      std::vector<int> order;
      for (int d = 0; d < value.rank; d++) order.push_back(d);
      const bool exotic = pick(0, 1);
      if (exotic) std::shuffle(order.begin(), order.end(), random);
      int64_t step = exotic ? pick(1, 2) : 1, low = 0, high = 0;
      for (int d = value.rank - 1; d >= 0; d--) {
        const int axis = order[size_t(d)];
        value.shape[axis] = shape[size_t(axis)];
        int64_t stride = step;
        step *= std::max<int64_t>(1, shape[size_t(axis)]);
        if (exotic && pick(0, 3) == 0) stride = -stride;
        if (exotic && operand + size_t(outputs) < shapes.size() && pick(0, 7) == 0) stride = 0;
        value.strides[axis] = stride;
        (stride < 0 ? low : high) += stride * std::max<int64_t>(0, shape[size_t(axis)] - 1);
      }
      value.offset = -low * item_bytes(dtype);
      sizes_.push_back(high - low + 1);
      plan_->values.push_back(value);
      plan_->operands.push_back(int32_t(operand));
      memory_.push_back(std::vector<char>(size_t(sizes_.back() * item_bytes(dtype)), char(0x5a)));
      if (operand + size_t(outputs) < shapes.size())
        for (int64_t e = 0; e < sizes_.back(); e++) put(int(operand), e, pick);
    }
    plan_->params = std::move(params);
    plan_->instructions.push_back({.opcode = opcode,
                                   .inputs = int32_t(shapes.size()) - outputs,
                                   .outputs = outputs,
                                   .first_operand = 0,
                                   .params = int32_t(plan_->params.size()),
                                   .first_param = 0,
                                   .region = -1,
                                   .line = -1});
  }

  const Plan& plan() const { return *plan_; }
  Plan& plan() { return *plan_; }
  int64_t size(int operand) const { return sizes_[size_t(operand)]; }
  std::vector<char>& memory(int operand) { return memory_[size_t(operand)]; }
  const std::vector<char>& memory(int operand) const { return memory_[size_t(operand)]; }

  // Where each element of an operand lies in its memory, in elements, in row-major order.
  std::vector<int64_t> places(int operand) const {
    const phx_value& value = plan_->values[size_t(operand)];
    std::vector<int64_t> all{value.offset / item_bytes(value.dtype)};
    for (int d = 0; d < value.rank; d++) {
      std::vector<int64_t> next;
      for (const int64_t place : all)
        for (int64_t i = 0; i < value.shape[d]; i++) next.push_back(place + i * value.strides[d]);
      all = std::move(next);
    }
    return all;
  }

  double number(int operand, int64_t place) const {
    return number_in(memory_[size_t(operand)], plan_->values[size_t(operand)].dtype, place);
  }
  static double number_in(const std::vector<char>& memory, int32_t dtype, int64_t place) {
    const char* at = memory.data() + place * item_bytes(dtype);
    double x = 0;
    with_dtype(dtype, [&](auto t) {
      decltype(t) value;
      std::memcpy(&value, at, sizeof value);
      x = double(widened(value));
    });
    return x;
  }
  // An integer's bits, above them 0.
  uint64_t whole(int operand, int64_t place) const { return whole_in(memory_[size_t(operand)], place); }
  uint64_t whole_in(const std::vector<char>& memory, int64_t place) const {
    const int32_t bytes = item_bytes(plan_->values[0].dtype);
    uint64_t bits = 0;
    std::memcpy(&bits, memory.data() + place * bytes, size_t(bytes));
    return bits;
  }
  uint64_t cut(uint64_t x) const {
    const int32_t bytes = item_bytes(plan_->values[0].dtype);
    return bytes == 8 ? x : x & ((uint64_t(1) << 8 * bytes) - 1);
  }
  bool untouched(const std::vector<char>& memory, int64_t place) const {
    const int32_t bytes = item_bytes(plan_->values[0].dtype);
    return std::all_of(memory.begin() + place * bytes, memory.begin() + (place + 1) * bytes,
                       [](char c) { return c == char(0x5a); });
  }

  // Lowers it and runs its records, phase after phase, each in at most so many blocks; returns the memory of output 0,
  // or of `output`.
  std::vector<char> run(int threads, int schedule,
                        const std::function<void(Builder&, const phx_instruction&)>& lower, int output = 0,
                        int64_t most_blocks = INT64_MAX) const {
    TestBuilder builder(*plan_, threads);
    const phx_instruction& instruction = plan_->instructions[0];
    lower(builder, instruction);
    std::vector<std::vector<char>> memory = memory_;
    std::vector<char*> bases;
    for (std::vector<char>& one : memory) bases.push_back(one.data());
    std::vector<uint64_t> workspace(size_t(builder.workspace_bytes / 8 + 1), ~uint64_t(0));
    bases.push_back(reinterpret_cast<char*>(workspace.data()));
    RunState state;
    emulator::options().schedule = schedule;
    for (const TestBuilder::Entry& entry : builder.records) {
      // One launch a record; the builder has them in the order of their phases.
      const int64_t records = builder.add_data(&entry.record, sizeof entry.record);
      const int64_t ends = builder.add_data(&entry.record.tiles, sizeof entry.record.tiles);
      Arguments arguments;
      arguments.program = builder.program.data();
      arguments.bases = bases.data();
      arguments.state = &state;
      arguments.records = records;
      arguments.extra = ends;
      arguments.record_count = 1;
      const emulator::Kernel* kernel = emulator::find_kernel(name_of_kernel(kernel_of(entry.record.handler)));
      const std::string error =
          emulator::launch(*kernel, &arguments, std::min(entry.record.tiles, most_blocks), threads,
                           shared_bytes_of(entry.record.handler));
      if (!error.empty()) throw std::runtime_error(error);
    }
    emulator::options().schedule = 0;
    return memory[size_t(instruction.inputs + output)];
  }

 private:
  template <class Pick>
  void put(int operand, int64_t place, const Pick& pick) {
    const int32_t dtype = plan_->values[size_t(operand)].dtype;
    with_dtype(dtype, [&](auto t) {
      using T = decltype(t);
      T value;
      if constexpr (std::is_integral_v<T>) value = T(pick(0, 1 << 20) * 2654435761u);
      else value = narrowed<T>(Computed<T>(double(pick(-(1 << 20), 1 << 20)) * 0x1p-20));
      std::memcpy(memory_[size_t(operand)].data() + place * int64_t(sizeof value), &value, sizeof value);
    });
  }

  std::unique_ptr<Plan> plan_;
  std::vector<std::vector<char>> memory_;
  std::vector<int64_t> sizes_;
};

}  // namespace phynexus::gpu::tests
