// PHX_MAP: independent iterations, and sums whose order of additions depends on the index alone.
#include <alloca.h>

#include <algorithm>
#include <cstring>

#include "engine/failure.h"
#include "engine/plan/instructions.h"
#include "engine/plan/limits.h"
#include "copy_step.h"
#include "step.h"

namespace phynexus {
namespace {

struct MapStep final : Step {
  struct Input {
    Place place;
    int64_t stride = 0;  // 0: shared
  };
  struct Output {
    enum { stacked, summed, unread } kind = stacked;
    Place place;
    int64_t stride = 0;
    int64_t at = 0;        // summed: of the base within a slot; unread: within a worker's memory
    int64_t elements = 0;  // summed: from the first byte to the last, gaps included
    int64_t first = 0;     // summed: of the first byte within a slot
    int32_t dtype = 0;
    bool gaps = false;
    ElementKernel add = nullptr;
  };
  const Region* region = nullptr;
  const RuntimeKernels* kernels = nullptr;
  int64_t iterations = 0, wished_chunk = 0;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<CopyPieces> results;  // of the summed outputs, in order
  int64_t unread_bytes = 0;
  int64_t slot_bytes = 0;  // the terms of one iteration
  int levels = 0;          // of the stack of sums

  // Fewer iterations at once than threads: one after the other, each on all threads. The steps' chunks depend
  // on sizes alone, so the result is the same.
  bool on_all_threads(int threads) const {
    return threads > 1 && (iterations < threads || (wished_chunk > 0 && wished_chunk < threads));
  }

  // Of whoever runs an iteration: scratch, what its steps need, outputs that nobody reads.
  int64_t iteration_bytes(int threads) const {
    return round_up(region->scratch_bytes) + round_up(region->workspace_bytes(threads)) + unread_bytes;
  }
  // Iterations are taken by blocks, whose number is a power of two, each added up by the thread that runs it:
  // as the tree of additions depends on the index alone, so do the results.
  int block_levels(int threads) const {
    const int64_t wished = iterations / (int64_t(2) * threads);
    if (threads == 1 || wished < 2) return 0;
    return 63 - __builtin_clzll(uint64_t(wished));
  }
  int64_t blocks(int threads) const {
    const int64_t size = int64_t(1) << block_levels(threads);
    return (iterations + size - 1) / size;
  }
  // Of one block while it runs: a term, and the sums of its levels.
  int64_t block_bytes(int threads) const { return (block_levels(threads) + 1) * slot_bytes; }
  // Blocks at a time.
  int64_t chunk(int threads) const {
    constexpr int64_t enough = int64_t(64) << 20;
    const int64_t all = std::max<int64_t>(blocks(threads), 1), each = slot_bytes + block_bytes(threads);
    int64_t fits = each * all <= enough ? all : std::max<int64_t>(threads, enough / each);
    if (wished_chunk > 0) fits = std::min(fits, std::max<int64_t>(1, wished_chunk >> block_levels(threads)));
    return std::clamp<int64_t>(fits, 1, all);
  }
  // One after the other: the last sum, of a power of two, is made where the last term was.
  bool one_by_one(int threads) const { return threads == 1 || on_all_threads(threads); }
  int64_t places_in_turn() const { return levels + ((iterations & (iterations - 1)) != 0); }
  // The lowest level that sums of blocks go to; those of an incomplete block start below.
  int lowest_level(int threads) const {
    const int below = block_levels(threads);
    return iterations % (int64_t(1) << below) ? 0 : below;
  }
  // Whole blocks that are all there at once are added up where they were made.
  bool all_at_once(int threads) const {
    return chunk(threads) == blocks(threads) && iterations % (int64_t(1) << block_levels(threads)) == 0;
  }
  int64_t workspace_bytes(int threads) const override {
    if (!one_by_one(threads) && all_at_once(threads)) return blocks(threads) * slot_bytes;
    if (!one_by_one(threads)) return (chunk(threads) + levels - lowest_level(threads)) * slot_bytes;
    return iteration_bytes(threads) + (slot_bytes ? places_in_turn() * slot_bytes : 0);
  }
  // The largest blocks are those of two threads.
  int64_t worker_bytes(int threads) const override {
    const int64_t inner = region->worker_bytes(threads);
    return on_all_threads(threads) ? inner : std::max(iteration_bytes(1) + block_bytes(2), inner);
  }

  void iterate(char* const* outer, int64_t i, char* slot, char* memory, Worker& worker, Arena* arena) const {
    char** bases =
        static_cast<char**>(alloca((base_first_input + inputs.size() + outputs.size()) * sizeof(char*)));
    bases[base_scratch] = memory;
    bases[base_constants] = outer[base_constants];
    char* workspace = memory + round_up(region->scratch_bytes) + unread_bytes;
    char** next = bases + base_first_input;
    for (const Input& input : inputs) *next++ = input.place.at(outer) + i * input.stride;
    for (const Output& output : outputs) {
      if (output.kind == Output::stacked) {
        *next++ = output.place.at(outer) + i * output.stride;
      } else if (output.kind == Output::summed) {
        if (output.gaps)
          std::memset(slot + output.first, 0, size_t(output.elements * item_bytes(output.dtype)));
        *next++ = slot + output.at;
      } else {
        *next++ = memory + output.at;
      }
    }
    region->run({bases, workspace, &worker, arena});
  }

  // Term i, of 2^below iterations, meets as many sums as i ends in ones; the last sum goes to level below + that
  // many, which is `last`, or on the stack.
  void push(int64_t i, char* term, char* stack, int below, char* last, const Output& output, int64_t from,
            int64_t count) const {
    const int64_t size = item_bytes(output.dtype), at = output.first + from * size;
    const int merges = __builtin_ctzll(~uint64_t(i));
    char* to = (last ? last : stack + (below + merges) * slot_bytes) + at;
    char* sum = term + at;
    if (merges == 0 && sum != to) std::memcpy(to, sum, size_t(count * size));
    for (int level = 0; level < merges; level++) {
      char* into = level + 1 == merges ? to : term + at;
      output.add(into, stack + (below + level) * slot_bytes + at, sum, nullptr, count, 0);
      sum = into;
    }
  }

  // Iterations [begin, end) of a block, one after the other: their sum to `result`, where the block is a whole
  // one of 2^levels; else the sums of its parts stay on the stack.
  void run_block(char* const* outer, int64_t begin, int64_t end, int levels, char* term, char* stack,
                 char* result, char* memory, Worker& worker) const {
    for (int64_t i = begin; i < end; i++) {
      const int64_t within = i - begin;
      const bool whole = within + 1 == int64_t(1) << levels;
      // A term that meets no other is made where it stays.
      char* slot = within % 2 ? term : whole ? result : stack;
      iterate(outer, i, slot, memory, worker, nullptr);
      if (within % 2 == 0) continue;
      for (const Output& output : outputs)
        if (output.kind == Output::summed)
          push(within, term, stack, 0, whole ? result : nullptr, output, 0, output.elements);
    }
  }

  // The sum of slots [0, count), to the first one, in the order in which a stack would add them.
  void add_slots(char* slots, int64_t count, const Output& output, int64_t from, int64_t elements) const {
    char* first = slots + output.first + from * item_bytes(output.dtype);
    const auto add = [&](int64_t to, int64_t other) {
      output.add(first + to * slot_bytes, first + to * slot_bytes, first + other * slot_bytes, nullptr,
                 elements, 0);
    };
    for (int64_t size = 2; size <= count; size *= 2)
      for (int64_t end = size; end <= count; end += size) add(end - size, end - size / 2);
    int64_t last = -1;  // of the sums that remain, the latest
    for (int64_t size = 1; size <= count; size *= 2) {
      if (!(count & size)) continue;
      const int64_t start = count & ~(2 * size - 1);
      if (last >= 0) add(start, last);
      last = start;
    }
  }

  // What is left on the stack, from the top down.
  char* total(char* stack, const Output& output, int64_t from, int64_t count) const {
    const int64_t at = output.first + from * item_bytes(output.dtype);
    char* sum = nullptr;
    for (int level = 0; level < levels; level++) {
      if (!(iterations >> level & 1)) continue;
      char* here = stack + level * slot_bytes + at;
      if (sum) output.add(here, here, sum, nullptr, count, 0);
      sum = here;
    }
    return sum;
  }

  template <class F>
  void each_summed(const Frame& frame, const F& f) const {
    constexpr int64_t block = 4096;
    for (const Output& output : outputs) {
      if (output.kind != Output::summed) continue;
      const int64_t blocks = (output.elements + block - 1) / block;
      const auto part = [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++)
          f(output, b * block, std::min(block, output.elements - b * block));
      };
      if (blocks < 8) part(0, blocks);
      else parallel_ranges(frame, blocks, 4, [&](int64_t begin, int64_t end, Worker&) { part(begin, end); });
    }
  }

  void run(const Frame& frame) const override {
    const int threads = frame.arena ? frame.arena->threads : 1;
    const bool in_turn = one_by_one(threads);
    if (!slot_bytes) {
      if (in_turn)
        for (int64_t i = 0; i < iterations; i++)
          iterate(frame.bases, i, nullptr, frame.workspace, *frame.worker, frame.arena);
      else
        parallel_for(frame, iterations, [&](int64_t i, Worker& worker) {
          iterate(frame.bases, i, nullptr, worker.memory, worker, nullptr);
        });
      return;
    }
    char *stack, *own = frame.workspace;
    if (in_turn) {
      stack = own + iteration_bytes(threads);
      char* term = stack + (places_in_turn() - 1) * slot_bytes;
      if (threads == 1) {
        run_block(frame.bases, 0, iterations, 62, term, stack, nullptr, own, *frame.worker);
      } else {
        for (int64_t i = 0; i < iterations; i++) {
          iterate(frame.bases, i, term, own, *frame.worker, frame.arena);
          each_summed(frame, [&](const Output& output, int64_t from, int64_t count) {
            push(i, term, stack, 0, nullptr, output, from, count);
          });
        }
      }
    } else if (all_at_once(threads)) {
      const int below = block_levels(threads);
      const int64_t size = int64_t(1) << below, all = blocks(threads);
      parallel_for(frame, all, [&](int64_t k, Worker& worker) {
        char* term = worker.memory + iteration_bytes(1);
        run_block(frame.bases, k * size, (k + 1) * size, below, term, term + slot_bytes, own + k * slot_bytes,
                  worker.memory, worker);
      });
      each_summed(frame, [&](const Output& output, int64_t from, int64_t count) {
        add_slots(own, all, output, from, count);
      });
      return copy_results(frame, all ? own : nullptr);
    } else {
      const int below = block_levels(threads);
      const int64_t size = int64_t(1) << below, step = chunk(threads), all = blocks(threads);
      char* slots = own;
      stack = slots + (step - lowest_level(threads)) * slot_bytes;
      for (int64_t first = 0; first < all; first += step) {
        const int64_t last = std::min(first + step, all);
        parallel_for(frame, last - first, [&](int64_t k, Worker& worker) {
          const int64_t begin = (first + k) * size, end = std::min(begin + size, iterations);
          char *result = slots + k * slot_bytes, *term = worker.memory + iteration_bytes(1);
          // Of an incomplete block, which is the last one, the sums stay at their places.
          char* sums = end - begin < size ? stack : term + slot_bytes;
          run_block(frame.bases, begin, end, below, term, sums, result, worker.memory, worker);
        });
        each_summed(frame, [&](const Output& output, int64_t from, int64_t count) {
          for (int64_t k = first; k < std::min(last, iterations / size); k++)
            push(k, slots + (k - first) * slot_bytes, stack, below, nullptr, output, from, count);
        });
      }
    }
    each_summed(
        frame, [&](const Output& output, int64_t from, int64_t count) { total(stack, output, from, count); });
    // The total of all lies in the level of the highest bit.
    copy_results(frame,
                 iterations ? stack + (63 - __builtin_clzll(uint64_t(iterations))) * slot_bytes : nullptr);
  }

  // The sums to where they are wanted; zeros where there is no slot of them.
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
  step->kernels = &lowering.kernels;
  step->iterations = p.iterations;
  step->wished_chunk = p.chunk;
  step->levels = p.iterations ? 64 - __builtin_clzll(uint64_t(p.iterations)) : 1;
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
      output.dtype = value->dtype;
      output.elements = bytes / size;
      output.first = step->slot_bytes;
      output.at = step->slot_bytes + (extent.empty() ? 0 : value->offset - extent.low);
      output.gaps = output.elements != element_count(*value);
      output.add = lowering.kernels.binary(PHX_ADD, value->dtype, Form::vectors);
      step->slot_bytes += round_up(std::max<int64_t>(bytes, 1));
      // Many of them are needed at once: what is computed with it must not overflow.
      if (step->slot_bytes > most_bytes >> 6)
        throw Failure(PHX_OUT_OF_MEMORY, "sums that no machine has room for");
      phx_value source = *value;
      if (p.iterations == 0) std::fill(source.strides, source.strides + PHX_MAX_RANK, 0);
      step->results.emplace_back(source, *value, lowering.kernels);
    }
    step->outputs.push_back(output);
  }
  return step;
}

}  // namespace phynexus
