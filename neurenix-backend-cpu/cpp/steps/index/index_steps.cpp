// Gather, scatter and scatter_add.
#include <algorithm>
#include <cstring>

#include "../copy_step.h"
#include "engine/layout/walk.h"
#include "engine/plan/instructions.h"

namespace phynexus {
namespace {

// x [b.., p.., n, s..], index [b.., i..], wide [b.., p.., i.., s..]: for each of (b, p, i), one slice over s
// moves between x and `wide`.
struct Slices {
  int64_t n = 0, n_stride = 0;
  Walk<3> outer;        // over b and p: x, index, wide
  Walk<3> places;       // over i
  StridedCopy slice{};  // over s, as if from x to wide
  int64_t slice_elements = 1;

  Slices(const phx_value& x, const phx_value& index, const phx_value& wide, const Index& p, bool to_wide) {
    const int axis = int(p.axis), batch = int(p.batch);
    n = x.shape[axis];
    n_stride = byte_stride(x, axis);
    const int positions = index.rank - batch, rest = x.rank - axis - 1;
    for (int d = 0; d < axis; d++)
      outer.add_axis(x.shape[d],
                     {byte_stride(x, d), d < batch ? byte_stride(index, d) : 0, byte_stride(wide, d)});
    for (int d = 0; d < positions; d++)
      places.add_axis(index.shape[batch + d],
                      {0, byte_stride(index, batch + d), byte_stride(wide, axis + d)});
    phx_value from = x, to = wide;
    from.rank = to.rank = rest;
    for (int d = 0; d < rest; d++) {
      from.shape[d] = to.shape[d] = x.shape[axis + 1 + d];
      from.strides[d] = x.strides[axis + 1 + d];
      to.strides[d] = wide.strides[axis + positions + d];
    }
    slice = to_wide ? plan_copy(from, to) : plan_copy(to, from);
    for (int d = 0; d < rest; d++) slice_elements *= from.shape[d];
  }

  int64_t source(const char* index) const {
    const int64_t i = *reinterpret_cast<const int32_t*>(index);
    return std::clamp<int64_t>(i, 0, n - 1) * n_stride;
  }
};

inline void move_item(char* out, const char* in, int32_t bytes) {
  if (bytes == 4) std::memcpy(out, in, 4);
  else if (bytes == 8) std::memcpy(out, in, 8);
  else *out = *in;
}

struct GatherStep final : Step {
  Place x, index, out;
  Slices slices;
  const RuntimeKernels* kernels;
  GatherStep(Slices slices, const RuntimeKernels& kernels) : slices(slices), kernels(&kernels) {}

  void run(const Frame& frame) const override {
    const char *from = x.at(frame.bases), *chosen = index.at(frame.bases);
    char* to = out.at(frame.bases);
    const int64_t per_outer = slices.places.total(), total = slices.outer.total() * per_outer;
    if (slices.slice_elements == 0) return;
    parallel_ranges(frame, total, std::max<int64_t>(1, 32768 / slices.slice_elements),
                    [&](int64_t begin, int64_t end, Worker&) {
                      for (int64_t o = begin / per_outer; o * per_outer < end; o++) {
                        const auto base = slices.outer.offsets(o);
                        const int64_t first = std::max<int64_t>(begin - o * per_outer, 0),
                                      last = std::min(end - o * per_outer, per_outer);
                        slices.places.each(first, last, [&](const auto& at) {
                          const char* row = from + base[0] + slices.source(chosen + base[1] + at[1]);
                          char* target = to + base[2] + at[2];
                          if (slices.slice.rank == 0) move_item(target, row, slices.slice.item_bytes);
                          else kernels->copy(target, row, slices.slice);
                        });
                      }
                    });
  }
};

// Adding goes through dense rows where a slice is contiguous, and element by element elsewhere.
struct ScatterStep final : Step {
  Place x, index, updates, out;
  Slices slices;
  CopyPieces first;
  bool add;
  ElementKernel sum = nullptr;
  const RuntimeKernels* kernels;
  ScatterStep(Slices slices, CopyPieces first, bool add, const RuntimeKernels& kernels)
      : slices(slices), first(first), add(add), kernels(&kernels) {}

  void add_slice(char* target, const char* update, int axis) const {
    const StridedCopy& s = slices.slice;
    if (s.rank == 0) return sum(target, target, update, nullptr, 1, 0);
    if (axis == s.rank - 1 && s.out_strides[axis] == s.item_bytes && s.in_strides[axis] == s.item_bytes)
      return sum(target, target, update, nullptr, s.counts[axis], 0);
    for (int64_t i = 0; i < s.counts[axis]; i++) {
      char* t = target + i * s.out_strides[axis];
      const char* u = update + i * s.in_strides[axis];
      if (axis == s.rank - 1) sum(t, t, u, nullptr, 1, 0);
      else add_slice(t, u, axis + 1);
    }
  }

  void run(const Frame& frame) const override {
    const char *from = x.at(frame.bases), *chosen = index.at(frame.bases), *values = updates.at(frame.bases);
    char* to = out.at(frame.bases);
    if (to != from) first.run(frame, to, from);
    const int64_t per_outer = slices.places.total();
    if (slices.slice_elements == 0 || per_outer == 0) return;
    // The updates of one (b, p) go in order; different ones never meet.
    parallel_ranges(frame, slices.outer.total(),
                    std::max<int64_t>(1, 32768 / (slices.slice_elements * per_outer)),
                    [&](int64_t begin, int64_t end, Worker&) {
                      slices.outer.each(begin, end, [&](const auto& base) {
                        slices.places.each(0, per_outer, [&](const auto& at) {
                          char* target = to + base[0] + slices.source(chosen + base[1] + at[1]);
                          const char* update = values + base[2] + at[2];
                          if (add) add_slice(target, update, 0);
                          else if (slices.slice.rank == 0) move_item(target, update, slices.slice.item_bytes);
                          else kernels->copy(target, update, slices.slice);
                        });
                      });
                    });
  }
};

}  // namespace

StepPointer lower_gather(Lowering& lowering, const phx_instruction& instruction) {
  const Plan& plan = lowering.plan;
  const Index p = read_params<Index>(plan, instruction);
  const phx_value &x = plan.input(instruction, 0), &index = plan.input(instruction, 1),
                  &out = plan.output(instruction, 0);
  auto step = std::make_unique<GatherStep>(Slices(x, index, out, p, true), lowering.kernels);
  step->x = lowering.place(x);
  step->index = lowering.place(index);
  step->out = lowering.place(out);
  return step;
}

StepPointer lower_scatter(Lowering& lowering, const phx_instruction& instruction) {
  const Plan& plan = lowering.plan;
  const Index p = read_params<Index>(plan, instruction);
  const phx_value &x = plan.input(instruction, 0), &index = plan.input(instruction, 1),
                  &updates = plan.input(instruction, 2), &out = plan.output(instruction, 0);
  // Slices of the output, which has x's shape and its own strides.
  auto step = std::make_unique<ScatterStep>(Slices(out, index, updates, p, false),
                                            CopyPieces(x, out, lowering.kernels),
                                            instruction.opcode == PHX_SCATTER_ADD, lowering.kernels);
  step->x = lowering.place(x);
  step->index = lowering.place(index);
  step->updates = lowering.place(updates);
  step->out = lowering.place(out);
  step->sum = lowering.kernels.binary(PHX_ADD, x.dtype, Form::vectors);
  return step;
}

}  // namespace phynexus
