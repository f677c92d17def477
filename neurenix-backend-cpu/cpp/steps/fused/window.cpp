// Maximum and minimum over axes that are not the fastest: neighbours along the fastest axis go together.
#include <algorithm>
#include <vector>

#include "engine/layout/walk.h"
#include "lower.h"

namespace phynexus::fused {
namespace {

constexpr int64_t fewest_neighbours = 8, most_positions = 4096;

struct WindowStep final : Step {
  Place in, out;
  int64_t neighbours = 0;
  std::vector<int64_t> offsets;  // of a window's elements, in row-major order, in bytes
  Walk<2> windows;
  WindowKernel kernel = nullptr;

  void run(const Frame& frame) const override {
    const char* from = in.at(frame.bases);
    char* to = out.at(frame.bases);
    const int64_t each = neighbours * int64_t(offsets.size());
    parallel_ranges(frame, windows.total(), std::max<int64_t>(1, 65536 / each),
                    [&](int64_t begin, int64_t end, Worker&) {
                      windows.each(begin, end, [&](const auto& at) {
                        kernel(to + at[1], from + at[0], offsets.data(), int64_t(offsets.size()), neighbours);
                      });
                    });
  }
};

StepPointer window_step(Lowering& lowering, const phx_value& in, const phx_value& out,
                        const std::vector<int>& reduced, bool largest) {
  const WindowKernel kernel = lowering.kernels.window(in.dtype, largest);
  if (!kernel) return nullptr;
  std::vector<int> kept;
  int64_t positions = 1;
  for (int d = 0; d < in.rank; d++) {
    if (in.shape[d] == 0) return nullptr;
    if (std::find(reduced.begin(), reduced.end(), d) == reduced.end()) kept.push_back(d);
    else positions *= in.shape[d];
  }
  const auto fastest = std::find_if(kept.begin(), kept.end(), [&](int d) {
    return in.shape[d] >= fewest_neighbours && in.strides[d] == 1 && out.strides[d] == 1;
  });
  if (fastest == kept.end() || positions > most_positions) return nullptr;

  auto step = std::make_unique<WindowStep>();
  step->in = lowering.place(in);
  step->out = lowering.place(out);
  step->neighbours = in.shape[*fastest];
  step->kernel = kernel;
  kept.erase(fastest);
  std::stable_sort(kept.begin(), kept.end(),
                   [&](int a, int b) { return std::abs(in.strides[a]) > std::abs(in.strides[b]); });
  for (int d : kept) step->windows.add_axis(in.shape[d], {byte_stride(in, d), byte_stride(out, d)});
  Walk<1> window;
  for (int d : reduced) window.add_axis(in.shape[d], {byte_stride(in, d)});
  window.each(0, window.total(), [&](const auto& at) { step->offsets.push_back(at[0]); });
  return step;
}

}  // namespace

StepPointer lower_window(Lowering& lowering, const phx_instruction& instruction, const Chain& chain) {
  if (!chain.operations.empty() || chain.outputs.size() != 1 || chain.inputs != 1) return nullptr;
  const int32_t reduction = chain.outputs[0].reduction;
  if (reduction != PHX_MAX && reduction != PHX_MIN) return nullptr;
  std::vector<int> reduced;
  for (size_t d = 0; d < chain.axes.size(); d++)
    if (chain.axes[d].reduced) reduced.push_back(int(d));
  if (reduced.empty()) return nullptr;
  return window_step(lowering, lowering.plan.input(instruction, 0), lowering.plan.output(instruction, 0),
                     reduced, reduction == PHX_MAX);
}

}  // namespace phynexus::fused
