// PHX_MAP: independent iterations, on all threads or one after the other, and the sums of their results.
#include <alloca.h>

#include <algorithm>

#include "engine/failure.h"
#include "engine/plan/instructions.h"
#include "engine/plan/limits.h"
#include "copy_step.h"
#include "map_division.h"
#include "map_sums.h"
#include "step.h"

namespace phynexus {
namespace {

// The surroundings of an iteration: the frame around the map, memory for the iteration, and the threads that it may
// use.
struct Runner {
  char* const* outer;
  char* memory;
  Context threads;
};

// The memory for the sums of a block of 2^levels iterations. The sum of a complete block goes to `result`; the sums of
// the parts of an incomplete one stay on the stack.
struct BlockSums {
  int levels;
  char* term;
  SlotStack stack;
  char* result;
};

struct MapStep final : Step {
  struct Input {
    Place place;
    int64_t stride = 0;  // 0: shared
  };
  struct Output {
    enum { stacked, summed, unread } kind = stacked;
    Place place;
    int64_t stride = 0;
    int64_t at = 0;     // summed: of the base within a slot; unread: within an iteration's memory
    bool gaps = false;  // summed: elements between its own, which are added up with them
    SummedPart sum;
  };
  const Region* region = nullptr;
  MapShape shape;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<CopyPieces> results;  // of the summed outputs, in order
  int64_t unread_bytes = 0;

  // The memory for one iteration at a time: scratch, outputs that nobody reads, workspace of the steps.
  int64_t iteration_bytes(int threads) const {
    return round_up(region->scratch_bytes) + unread_bytes + round_up(region->workspace_bytes(threads));
  }
  // Slots where iterations run one after the other: one for each level and one for the term. The last sum of 2^n terms
  // has a level of its own and is added up in the term's slot.
  int64_t slots_in_turn() const {
    const bool rest = (shape.iterations & (shape.iterations - 1)) != 0;
    return levels_of(shape.iterations) + rest;
  }
  int64_t workspace_bytes(int threads) const override {
    const MapDivision division(shape, threads);
    if (division.in_turn) return iteration_bytes(threads) + shape.slot_bytes * slots_in_turn();
    if (division.all_at_once) return division.blocks * shape.slot_bytes;
    return (division.chunk + levels_of(shape.iterations) - division.lowest_level) * shape.slot_bytes;
  }
  // Blocks are largest with two threads, so the bytes for two suffice for any number.
  int64_t worker_bytes(int threads) const override {
    const int64_t inner = region->worker_bytes(threads);
    if (MapDivision(shape, threads).on_all_threads) return inner;
    return std::max(iteration_bytes(1) + MapDivision(shape, 2).block_slots() * shape.slot_bytes, inner);
  }

  void iterate(const Runner& runner, int64_t i, char* slot) const {
    char** bases =
        static_cast<char**>(alloca((base_first_input + inputs.size() + outputs.size()) * sizeof(char*)));
    bases[base_scratch] = runner.memory;
    bases[base_constants] = runner.outer[base_constants];
    char** next = bases + base_first_input;
    for (const Input& input : inputs) *next++ = input.place.at(runner.outer) + i * input.stride;
    for (const Output& output : outputs) {
      if (output.kind == Output::stacked) {
        *next++ = output.place.at(runner.outer) + i * output.stride;
      } else if (output.kind == Output::summed) {
        if (output.gaps) output.sum.clear(slot);
        *next++ = slot + output.at;
      } else {
        *next++ = runner.memory + output.at;
      }
    }
    Context threads = runner.threads;
    region->run({bases, runner.memory + round_up(region->scratch_bytes) + unread_bytes, &threads});
  }

  // Runs the iterations [begin, end) of a block, one after the other.
  void run_block(const Runner& runner, int64_t begin, int64_t end, const BlockSums& sums) const {
    for (int64_t i = begin; i < end; i++) {
      const int64_t within = i - begin;
      char* last = within + 1 == int64_t(1) << sums.levels ? sums.result : nullptr;
      // A term that merges with no other is written where it stays.
      const bool merges = within % 2 != 0;
      char* slot = merges ? sums.term : last ? last : sums.stack.level(0);
      iterate(runner, i, slot);
      if (!merges) continue;
      for (const Output& output : outputs)
        if (output.kind == Output::summed) push(output.sum, within, slot, sums.stack, last);
    }
  }

  // Calls f(part) for pieces of all sums, on the threads that the frame has.
  template <class F>
  void each_summed(const Frame& frame, const F& f) const {
    constexpr int64_t block = 4096;
    for (const Output& output : outputs) {
      if (output.kind != Output::summed) continue;
      const int64_t elements = output.sum.count, blocks = (elements + block - 1) / block;
      const auto pieces = [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++)
          f(output.sum.piece(b * block, std::min(block, elements - b * block)));
      };
      if (blocks < 8) pieces(0, blocks);
      else
        parallel_ranges(frame, blocks, 4, [&](int64_t begin, int64_t end, Worker&) { pieces(begin, end); });
    }
  }

  void run(const Frame& frame) const override {
    const MapDivision division(shape, frame.context->arena ? frame.context->arena->threads : 1);
    if (!shape.slot_bytes) return run_without_sums(frame, division);
    if (division.in_turn) return run_in_turn(frame, division);
    if (division.all_at_once) return run_blocks_at_once(frame, division);
    run_chunks(frame, division);
  }

  void run_without_sums(const Frame& frame, const MapDivision& division) const {
    if (division.in_turn) {
      const Runner runner{frame.bases, frame.workspace, *frame.context};
      for (int64_t i = 0; i < shape.iterations; i++) iterate(runner, i, nullptr);
    } else {
      parallel_for(frame, shape.iterations, [&](int64_t i, Worker& worker) {
        iterate({frame.bases, worker.memory, {&worker, nullptr}}, i, nullptr);
      });
    }
  }

  void run_in_turn(const Frame& frame, const MapDivision& division) const {
    const int threads = division.on_all_threads ? frame.context->arena->threads : 1;
    const Runner runner{frame.bases, frame.workspace, *frame.context};
    const SlotStack stack{frame.workspace + iteration_bytes(threads), shape.slot_bytes};
    char* term = stack.level(int(slots_in_turn()) - 1);
    if (!division.on_all_threads) {
      run_block(runner, 0, shape.iterations, {62, term, stack, nullptr});
    } else {
      for (int64_t i = 0; i < shape.iterations; i++) {
        iterate(runner, i, term);
        each_summed(frame, [&](const SummedPart& part) { push(part, i, term, stack, nullptr); });
      }
    }
    add_rest(frame, stack);
  }

  void run_blocks_at_once(const Frame& frame, const MapDivision& division) const {
    char* slots = frame.workspace;
    const int64_t size = int64_t(1) << division.block_levels;
    parallel_for(frame, division.blocks, [&](int64_t k, Worker& worker) {
      char* term = worker.memory + iteration_bytes(1);
      const SlotStack stack{term + shape.slot_bytes, shape.slot_bytes};
      run_block({frame.bases, worker.memory, {&worker, nullptr}}, k * size, (k + 1) * size,
                {division.block_levels, term, stack, slots + k * shape.slot_bytes});
    });
    each_summed(frame, [&](const SummedPart& part) {
      add_slots(division.blocks, [&](int64_t to, int64_t other) {
        part.add(slots + to * shape.slot_bytes, slots + to * shape.slot_bytes,
                 slots + other * shape.slot_bytes);
      });
    });
    copy_results(frame, division.blocks ? slots : nullptr);
  }

  void run_chunks(const Frame& frame, const MapDivision& division) const {
    char* slots = frame.workspace;
    const SlotStack stack{slots + division.chunk * shape.slot_bytes, shape.slot_bytes, division.lowest_level};
    const SlotStack of_blocks = stack.of_terms_at(division.block_levels);
    const int64_t size = int64_t(1) << division.block_levels;
    for (int64_t first = 0; first < division.blocks; first += division.chunk) {
      const int64_t last = std::min(first + division.chunk, division.blocks);
      parallel_for(frame, last - first, [&](int64_t k, Worker& worker) {
        const int64_t begin = (first + k) * size, end = std::min(begin + size, shape.iterations);
        char* term = worker.memory + iteration_bytes(1);
        // The last block may be incomplete: its sums stay in the slots of their levels.
        const bool incomplete = end - begin < size;
        const SlotStack sums = incomplete ? stack : SlotStack{term + shape.slot_bytes, shape.slot_bytes};
        run_block({frame.bases, worker.memory, {&worker, nullptr}}, begin, end,
                  {division.block_levels, term, sums, slots + k * shape.slot_bytes});
      });
      each_summed(frame, [&](const SummedPart& part) {
        for (int64_t k = first; k < std::min(last, shape.iterations / size); k++)
          push(part, k, slots + (k - first) * shape.slot_bytes, of_blocks, nullptr);
      });
    }
    add_rest(frame, stack);
  }

  // Adds up the sums that are left on the stack, and copies the total to the outputs.
  void add_rest(const Frame& frame, const SlotStack& stack) const {
    each_summed(frame, [&](const SummedPart& part) {
      merge_rest(shape.iterations, [&](int level, int above) {
        part.add(stack.level(level), stack.level(level), stack.level(above));
      });
    });
    // The total lies in the level of the highest bit.
    copy_results(frame, shape.iterations ? stack.level(levels_of(shape.iterations) - 1) : nullptr);
  }

  // Copies the sums of a slot to the outputs; zeros where there is no slot.
  void copy_results(const Frame& frame, const char* slot) const {
    alignas(8) static const char nothing[8] = {};
    size_t k = 0;
    for (const Output& output : outputs)
      if (output.kind == Output::summed)
        results[k++].run(frame, output.place.at(frame.bases), slot ? slot + output.at : nothing);
  }
};

}  // namespace

StepPointer lower_map(Lowering& lowering, const phx_instruction& instruction) {
  const Plan& plan = lowering.plan;
  const Map p = read_params<Map>(plan, instruction);
  auto step = std::make_unique<MapStep>();
  step->region = &lowering.regions[size_t(instruction.region)];
  step->shape = {p.iterations, p.chunk};
  for (int k = 0; k < instruction.inputs; k++) {
    const phx_value& value = plan.input(instruction, k);
    step->inputs.push_back(
        {lowering.place(value), p.mapped[size_t(k)] ? value.strides[0] * item_bytes(value.dtype) : 0});
  }
  const int64_t unread_from = round_up(step->region->scratch_bytes);
  for (int k = 0; k < instruction.outputs; k++) {
    const phx_value* value = plan.operand(instruction, instruction.inputs + k);
    MapStep::Output output;
    if (!value) {
      const Extent need = plan.needs[size_t(instruction.region)].outputs[size_t(k)];
      const int64_t before = round_up(-std::min<int64_t>(need.low, 0));
      output.kind = MapStep::Output::unread;
      output.at = unread_from + step->unread_bytes + before;
      step->unread_bytes += before + round_up(std::max<int64_t>(need.high, 0));
    } else if (!p.summed[size_t(k)]) {
      output.place = lowering.place(*value);
      output.stride = value->strides[0] * item_bytes(value->dtype);
    } else {
      const Extent extent = extent_of(*value);
      const int64_t bytes = extent.empty() ? 0 : extent.high - extent.low, size = item_bytes(value->dtype);
      output.kind = MapStep::Output::summed;
      output.place = lowering.place(*value);
      int64_t& slot_bytes = step->shape.slot_bytes;
      output.sum = {lowering.kernels.binary(PHX_ADD, value->dtype, Form::vectors), slot_bytes, bytes / size,
                    size};
      output.at = slot_bytes + (extent.empty() ? 0 : value->offset - extent.low);
      output.gaps = output.sum.count != element_count(*value);
      slot_bytes += round_up(std::max<int64_t>(bytes, 1));
      // Many slots are needed at once, so that multiples of their size must not overflow.
      if (slot_bytes > most_bytes >> 6) throw Failure(PHX_OUT_OF_MEMORY, "sums that no machine has room for");
      phx_value source = *value;
      if (p.iterations == 0) std::fill(source.strides, source.strides + PHX_MAX_RANK, 0);
      step->results.emplace_back(source, *value, lowering.kernels);
    }
    step->outputs.push_back(output);
  }
  return step;
}

}  // namespace phynexus
