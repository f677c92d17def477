// A chain over no elements writes what its reductions give over nothing.
#include <algorithm>
#include <cstring>

#include "lower.h"

namespace phynexus::fused {
namespace {

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

void write_identity(int32_t reduction, int32_t dtype, char* out) {
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

}  // namespace

StepPointer lower_without_elements(Lowering& lowering, const phx_instruction& instruction,
                                   const Chain& chain) {
  auto step = std::make_unique<FillStep>();
  step->kernels = &lowering.kernels;
  for (size_t k = 0; k < chain.outputs.size(); k++) {
    const phx_value& out = lowering.plan.output(instruction, int64_t(k));
    if (!chain.outputs[k].reduction || element_count(out) == 0) continue;
    phx_value one = out;
    std::fill(one.strides, one.strides + PHX_MAX_RANK, 0);
    FillStep::Fill fill{.out = lowering.place(out), .copy = plan_copy(one, out), .value = {}};
    write_identity(chain.outputs[k].reduction, out.dtype, fill.value);
    step->fills.push_back(fill);
  }
  return step;
}

}  // namespace phynexus::fused
