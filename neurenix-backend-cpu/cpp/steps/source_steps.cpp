// Steps without data: iota and random bits.
#include <algorithm>

#include "copy_step.h"
#include "engine/layout/walk.h"
#include "engine/plan/instructions.h"

namespace phynexus {
namespace {

template <class T>
void write_line(char* out, int64_t stride, int64_t count) {
  for (int64_t i = 0; i < count; i++) *reinterpret_cast<T*>(out + i * stride) = T(i);
}
template <class T>
void write_same(char* out, int64_t stride, int64_t count, int64_t value) {
  for (int64_t i = 0; i < count; i++) *reinterpret_cast<T*>(out + i * stride) = T(value);
}

template <class T>
struct IotaStep final : Step {
  Place out;
  int64_t count = 0, stride = 0;      // along the counting axis
  int64_t same = 1, same_stride = 0;  // along the last axis, where it is another
  Walk<1> lines;

  void run(const Frame& frame) const override {
    if (count == 0) return;
    char* to = out.at(frame.bases);
    parallel_ranges(frame, lines.total(), std::max<int64_t>(1, 65536 / std::max<int64_t>(1, count * same)),
                    [&](int64_t begin, int64_t end, Worker&) {
                      lines.each(begin, end, [&](const auto& at) {
                        if (same_stride == 0) return write_line<T>(to + at[0], stride, count);
                        for (int64_t i = 0; i < count; i++)
                          write_same<T>(to + at[0] + i * stride, same_stride, same, i);
                      });
                    });
  }
};

template <class T>
StepPointer iota(Lowering& lowering, const phx_value& out, int axis) {
  auto step = std::make_unique<IotaStep<T>>();
  step->out = lowering.place(out);
  step->count = out.shape[axis];
  step->stride = byte_stride(out, axis);
  const int last = out.rank - 1;
  if (last != axis && out.shape[last] > 1) {
    step->same = out.shape[last];
    step->same_stride = byte_stride(out, last);
  }
  for (int d = 0; d < out.rank; d++)
    if (d != axis && !(d == last && step->same_stride))
      step->lines.add_axis(out.shape[d], {byte_stride(out, d)});
  return step;
}

struct RandomBitsStep final : Step {
  Place key, out;
  Place key_second;
  int64_t total = 0;
  bool dense = false;
  Walk<1> elements;
  const RuntimeKernels* kernels = nullptr;

  void run(const Frame& frame) const override {
    const uint32_t words[2] = {*reinterpret_cast<const uint32_t*>(key.at(frame.bases)),
                               *reinterpret_cast<const uint32_t*>(key_second.at(frame.bases))};
    char* to = out.at(frame.bases);
    parallel_ranges(frame, total, 32768, [&](int64_t begin, int64_t end, Worker&) {
      if (dense)
        return kernels->random_bits(reinterpret_cast<uint32_t*>(to) + begin, words, begin, end - begin);
      uint32_t block[256];
      for (int64_t first = begin; first < end; first += 256) {
        const int64_t last = std::min<int64_t>(first + 256, end);
        kernels->random_bits(block, words, first, last - first);
        const uint32_t* next = block;
        elements.each(first, last,
                      [&](const auto& at) { *reinterpret_cast<uint32_t*>(to + at[0]) = *next++; });
      }
    });
  }
};

}  // namespace

StepPointer lower_iota(Lowering& lowering, const phx_instruction& instruction) {
  const phx_value& out = lowering.plan.output(instruction, 0);
  const int axis = int(read_params<Iota>(lowering.plan, instruction).axis);
  switch (out.dtype) {
    case PHX_FLOAT32: return iota<float>(lowering, out, axis);
    case PHX_FLOAT64: return iota<double>(lowering, out, axis);
    case PHX_INT32: return iota<int32_t>(lowering, out, axis);
    case PHX_INT64: return iota<int64_t>(lowering, out, axis);
    case PHX_UINT32: return iota<uint32_t>(lowering, out, axis);
    default: return iota<uint8_t>(lowering, out, axis);
  }
}

StepPointer lower_random_bits(Lowering& lowering, const phx_instruction& instruction) {
  const phx_value &key = lowering.plan.input(instruction, 0), &out = lowering.plan.output(instruction, 0);
  auto step = std::make_unique<RandomBitsStep>();
  step->key = step->key_second = lowering.place(key);
  step->key_second.offset += key.strides[0] * 4;
  step->out = lowering.place(out);
  step->total = element_count(out);
  step->dense = is_dense(out);
  step->kernels = &lowering.kernels;
  for (int d = 0; d < out.rank; d++) step->elements.add_axis(out.shape[d], {byte_stride(out, d)});
  return step;
}

}  // namespace phynexus
