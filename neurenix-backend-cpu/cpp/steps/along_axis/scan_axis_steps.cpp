// Steps that run along one axis: argmax and cumsum.
#include <algorithm>

#include "../copy_step.h"
#include "engine/layout/walk.h"
#include "engine/plan/instructions.h"

namespace phynexus {
namespace {

phx_value dense_like(const phx_value& value, int first_axis) {
  phx_value dense = value;
  dense.rank = value.rank - first_axis;
  int64_t stride = 1;
  for (int d = dense.rank - 1; d >= 0; d--) {
    dense.shape[d] = value.shape[first_axis + d];
    dense.strides[d] = stride;
    stride *= dense.shape[d];
  }
  dense.offset = 0;
  return dense;
}

phx_value trailing(const phx_value& value, int first_axis) {
  phx_value part = value;
  part.rank = value.rank - first_axis;
  for (int d = 0; d < part.rank; d++) {
    part.shape[d] = value.shape[first_axis + d];
    part.strides[d] = value.strides[first_axis + d];
  }
  return part;
}

// The candidates of each position are copied to a row first, unless they lie in one already.
struct ArgmaxStep final : Step {
  Place in, out;
  int32_t dtype = 0;
  int64_t row = 1;
  bool dense = false;
  Walk<2> positions;
  StridedCopy copy{};
  const RuntimeKernels* kernels = nullptr;

  void run(const Frame& frame) const override {
    const char* from = in.at(frame.bases);
    char* to = out.at(frame.bases);
    parallel_ranges(frame, positions.total(), std::max<int64_t>(1, 65536 / row),
                    [&](int64_t begin, int64_t end, Worker& worker) {
                      char* spare = dense ? nullptr : worker.own.at_least(row * copy.item_bytes);
                      positions.each(begin, end, [&](const auto& at) {
                        const char* values = from + at[0];
                        if (!dense) kernels->copy(spare, values, copy), values = spare;
                        *reinterpret_cast<int32_t*>(to + at[1]) =
                            int32_t(kernels->argmax(dtype, values, row));
                      });
                    });
  }
};

// Few candidates, whose neighbours along a kept axis lie together (windows of an image with its channels
// fastest): many positions at once.
struct NarrowArgmaxStep final : Step {
  Place in, out;
  int32_t dtype = 0;
  std::vector<int64_t> offsets;  // of the candidates
  int64_t columns = 1, out_stride = 4;
  Walk<2> positions;
  const RuntimeKernels* kernels = nullptr;

  void run(const Frame& frame) const override {
    const char* from = in.at(frame.bases);
    char* to = out.at(frame.bases);
    const int64_t rows = int64_t(offsets.size());
    parallel_ranges(frame, positions.total(), std::max<int64_t>(1, 65536 / (rows * columns)),
                    [&](int64_t begin, int64_t end, Worker&) {
                      positions.each(begin, end, [&](const auto& at) {
                        if (out_stride == 4)
                          return kernels->argmax_columns(dtype, from + at[0], offsets.data(), rows, columns,
                                                         reinterpret_cast<int32_t*>(to + at[1]));
                        int32_t block[256];
                        for (int64_t c = 0; c < columns; c += 256) {
                          const int64_t here = std::min<int64_t>(256, columns - c);
                          kernels->argmax_columns(dtype, from + at[0] + c * item_bytes(dtype), offsets.data(),
                                                  rows, here, block);
                          for (int64_t k = 0; k < here; k++)
                            *reinterpret_cast<int32_t*>(to + at[1] + (c + k) * out_stride) = block[k];
                        }
                      });
                    });
  }
};

// The kept axis along which the input is contiguous, or -1.
int contiguous_axis(const phx_value& in, int kept) {
  for (int d = 0; d < kept; d++)
    if (in.strides[d] == 1 && in.shape[d] >= 8) return d;
  return -1;
}

StepPointer narrow_argmax(Lowering& lowering, const phx_value& in, const phx_value& out, int axis) {
  auto step = std::make_unique<NarrowArgmaxStep>();
  step->in = lowering.place(in);
  step->out = lowering.place(out);
  step->dtype = in.dtype;
  step->kernels = &lowering.kernels;
  step->columns = in.shape[axis];
  step->out_stride = byte_stride(out, axis);
  Walk<1> candidates;
  for (int d = 0; d < in.rank; d++) {
    if (d >= out.rank) candidates.add_axis(in.shape[d], {byte_stride(in, d)});
    else if (d != axis) step->positions.add_axis(in.shape[d], {byte_stride(in, d), byte_stride(out, d)});
  }
  candidates.each(0, candidates.total(), [&](const auto& at) { step->offsets.push_back(at[0]); });
  return step;
}

template <class T, class Sum>
void running_sum(char* out, int64_t out_stride, const char* in, int64_t in_stride, int64_t count,
                 bool reverse) {
  if (reverse) {
    out += (count - 1) * out_stride, in += (count - 1) * in_stride;
    out_stride = -out_stride, in_stride = -in_stride;
  }
  Sum sum = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += Sum(*reinterpret_cast<const T*>(in + i * in_stride));
    *reinterpret_cast<T*>(out + i * out_stride) = T(sum);
  }
}

struct CumsumStep final : Step {
  Place in, out;
  int64_t count = 0, in_stride = 0, out_stride = 0;
  bool reverse = false;
  Walk<2> lines;
  void (*sum)(char*, int64_t, const char*, int64_t, int64_t, bool) = nullptr;

  void run(const Frame& frame) const override {
    const char* from = in.at(frame.bases);
    char* to = out.at(frame.bases);
    if (count == 0) return;
    parallel_ranges(frame, lines.total(), std::max<int64_t>(1, 65536 / count),
                    [&](int64_t begin, int64_t end, Worker&) {
                      lines.each(begin, end, [&](const auto& at) {
                        sum(to + at[1], out_stride, from + at[0], in_stride, count, reverse);
                      });
                    });
  }
};

}  // namespace

StepPointer lower_argmax(Lowering& lowering, const phx_instruction& instruction) {
  const phx_value &in = lowering.plan.input(instruction, 0), &out = lowering.plan.output(instruction, 0);
  if (const int axis = contiguous_axis(in, out.rank);
      axis >= 0 && element_count(trailing(in, out.rank)) <= 64)
    return narrow_argmax(lowering, in, out, axis);
  auto step = std::make_unique<ArgmaxStep>();
  step->in = lowering.place(in);
  step->out = lowering.place(out);
  step->dtype = in.dtype;
  step->kernels = &lowering.kernels;
  for (int d = 0; d < out.rank; d++)
    step->positions.add_axis(in.shape[d], {byte_stride(in, d), byte_stride(out, d)});
  const phx_value row = trailing(in, out.rank);
  step->row = element_count(row);
  step->dense = is_dense(row);
  // The copy must keep row-major order: the result is a position in it.
  step->copy = plan_copy(row, dense_like(in, out.rank));
  return step;
}

StepPointer lower_cumsum(Lowering& lowering, const phx_instruction& instruction) {
  const phx_value &in = lowering.plan.input(instruction, 0), &out = lowering.plan.output(instruction, 0);
  const Cumsum p = read_params<Cumsum>(lowering.plan, instruction);
  const int axis = int(p.axis);
  auto step = std::make_unique<CumsumStep>();
  step->in = lowering.place(in);
  step->out = lowering.place(out);
  step->count = in.shape[axis];
  step->in_stride = byte_stride(in, axis);
  step->out_stride = byte_stride(out, axis);
  step->reverse = p.reverse;
  for (int d = 0; d < in.rank; d++)
    if (d != axis) step->lines.add_axis(in.shape[d], {byte_stride(in, d), byte_stride(out, d)});
  switch (in.dtype) {
    case PHX_FLOAT32: step->sum = running_sum<float, double>; break;
    case PHX_FLOAT64: step->sum = running_sum<double, double>; break;
    case PHX_INT32: step->sum = running_sum<int32_t, uint32_t>; break;
    case PHX_INT64: step->sum = running_sum<int64_t, uint64_t>; break;
    case PHX_UINT8: step->sum = running_sum<uint8_t, uint32_t>; break;
    default: step->sum = running_sum<uint32_t, uint32_t>;
  }
  return step;
}

}  // namespace phynexus
