// Sorting along one axis: stable, NaN last.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "../step.h"
#include "engine/layout/walk.h"
#include "engine/plan/instructions.h"

namespace phynexus {
namespace {

template <class T>
struct Entry {
  T value;
  int32_t from;
};

// A total order, since no two entries come from one place: so an unstable sort gives the stable result.
template <class T>
bool stands_before(const Entry<T>& a, const Entry<T>& b) {
  if constexpr (std::is_floating_point_v<T>) {
    const bool nan_a = std::isnan(a.value), nan_b = std::isnan(b.value);
    if (nan_a != nan_b) return nan_b;
  }
  if (a.value < b.value) return true;
  if (b.value < a.value) return false;
  return a.from < b.from;
}

struct Line {
  const char* in;
  char *values, *from;
  int64_t in_stride, values_stride, from_stride, count;
};

template <class T>
void sort_line(const Line& line, void* memory) {
  Entry<T>* entries = static_cast<Entry<T>*>(memory);
  for (int64_t i = 0; i < line.count; i++)
    entries[i] = {*reinterpret_cast<const T*>(line.in + i * line.in_stride), int32_t(i)};
  std::sort(entries, entries + line.count, stands_before<T>);
  for (int64_t i = 0; i < line.count; i++) {
    *reinterpret_cast<T*>(line.values + i * line.values_stride) = entries[i].value;
    *reinterpret_cast<int32_t*>(line.from + i * line.from_stride) = entries[i].from;
  }
}

struct SortStep final : Step {
  Place in, values, from;
  Line line{};
  int64_t entry_bytes = 0;
  Walk<3> lines;
  void (*sort)(const Line&, void*) = nullptr;

  void run(const Frame& frame) const override {
    if (line.count == 0) return;
    parallel_ranges(frame, lines.total(), std::max<int64_t>(1, 4096 / line.count),
                    [&](int64_t begin, int64_t end, Worker& worker) {
                      void* memory = worker.own.at_least(line.count * entry_bytes);
                      Line now = line;
                      lines.each(begin, end, [&](const auto& at) {
                        now.in = in.at(frame.bases) + at[0];
                        now.values = values.at(frame.bases) + at[1];
                        now.from = from.at(frame.bases) + at[2];
                        sort(now, memory);
                      });
                    });
  }

  template <class T>
  void of() {
    sort = sort_line<T>;
    entry_bytes = sizeof(Entry<T>);
  }
};

}  // namespace

StepPointer lower_sort(Lowering& lowering, const phx_instruction& instruction) {
  const Plan& plan = lowering.plan;
  const phx_value &in = plan.input(instruction, 0), &values = plan.output(instruction, 0),
                  &from = plan.output(instruction, 1);
  const int axis = int(read_params<Sort>(plan, instruction).axis);
  auto step = std::make_unique<SortStep>();
  step->in = lowering.place(in);
  step->values = lowering.place(values);
  step->from = lowering.place(from);
  step->line.count = in.shape[axis];
  step->line.in_stride = byte_stride(in, axis);
  step->line.values_stride = byte_stride(values, axis);
  step->line.from_stride = byte_stride(from, axis);
  for (int d = 0; d < in.rank; d++)
    if (d != axis)
      step->lines.add_axis(in.shape[d], {byte_stride(in, d), byte_stride(values, d), byte_stride(from, d)});
  switch (in.dtype) {
    case PHX_FLOAT32: step->of<float>(); break;
    case PHX_FLOAT64: step->of<double>(); break;
    case PHX_INT32: step->of<int32_t>(); break;
    case PHX_INT64: step->of<int64_t>(); break;
    case PHX_UINT8: step->of<uint8_t>(); break;
    default: step->of<uint32_t>();
  }
  return step;
}

}  // namespace phynexus
