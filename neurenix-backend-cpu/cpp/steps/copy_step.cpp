// PHX_COPY, and the copies that other steps need before their work.
#include "copy_step.h"

namespace phynexus {

CopyPieces::CopyPieces(const phx_value& in, const phx_value& out, const RuntimeKernels& kernels)
    : kernels_(&kernels), copy_(plan_copy(in, out)) {
  for (int d = 0; d < copy_.rank; d++) total_ *= copy_.counts[d];
}

void CopyPieces::run(const Frame& frame, char* out, const char* in) const {
  if (total_ == 0) return;
  constexpr int64_t grain = 64 * 1024;  // elements, below which a thread is not worth waking
  if (!frame.context->arena || total_ < 2 * grain || copy_.rank == 0) return kernels_->copy(out, in, copy_);
  // The outermost axis is cut; where it is short, the one behind it as well.
  const bool two = copy_.rank > 2 && copy_.counts[0] < 16;
  const int64_t rows = copy_.counts[0] * (two ? copy_.counts[1] : 1), each = total_ / rows;
  parallel_ranges(frame, rows, each >= grain ? 1 : grain / each, [&](int64_t begin, int64_t end, Worker&) {
    if (!two) {
      StridedCopy part = copy_;
      part.counts[0] = end - begin;
      return kernels_->copy(out + begin * copy_.out_strides[0], in + begin * copy_.in_strides[0], part);
    }
    StridedCopy row = copy_;
    row.rank -= 2;
    for (int d = 0; d < row.rank; d++) {
      row.counts[d] = copy_.counts[d + 2];
      row.out_strides[d] = copy_.out_strides[d + 2];
      row.in_strides[d] = copy_.in_strides[d + 2];
    }
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = i / copy_.counts[1], second = i % copy_.counts[1];
      kernels_->copy(out + first * copy_.out_strides[0] + second * copy_.out_strides[1],
                     in + first * copy_.in_strides[0] + second * copy_.in_strides[1], row);
    }
  });
}

namespace {

struct CopyStep final : Step {
  Place in, out;
  CopyPieces copy;
  CopyStep(Place in, Place out, CopyPieces copy) : in(in), out(out), copy(copy) {}
  void run(const Frame& frame) const override {
    char* to = out.at(frame.bases);
    const char* from = in.at(frame.bases);
    copy.run(frame, to, from);
  }
};

}  // namespace

StepPointer lower_copy(Lowering& lowering, const phx_instruction& instruction) {
  const phx_value &in = lowering.plan.input(instruction, 0), &out = lowering.plan.output(instruction, 0);
  return std::make_unique<CopyStep>(lowering.place(in), lowering.place(out),
                                    CopyPieces(in, out, lowering.kernels));
}

}  // namespace phynexus
