// Sorts and merges the axes of operands that are walked together.
#include "axes.h"

#include <cstdlib>
#include <utility>

namespace phynexus {
namespace {

// Whether `outer` should change places with `inner`: > 0 yes.
int votes_to_swap(const Axis& outer, const Axis& inner) {
  int votes = 0;
  const size_t operands = outer.strides.size();
  for (size_t k = 0; k < operands; k++) {
    const int64_t a = std::abs(outer.strides[k]), b = std::abs(inner.strides[k]);
    if (a == 0 || b == 0 || a == b) continue;
    votes += (a < b ? 1 : -1) * (k == 0 ? 2 : 1);
  }
  return votes;
}

}  // namespace

void sort_axes(std::vector<Axis>& axes) {
  for (size_t i = 1; i < axes.size(); i++)
    for (size_t j = i; j > 0 && votes_to_swap(axes[j - 1], axes[j]) > 0; j--) std::swap(axes[j - 1], axes[j]);
}

void merge_axes(std::vector<Axis>& axes) {
  std::vector<Axis> merged;
  for (Axis& axis : axes) {
    if (axis.size == 1) continue;
    bool one = !merged.empty() && merged.back().reduced == axis.reduced;
    for (size_t k = 0; one && k < axis.strides.size(); k++)
      one = merged.back().strides[k] == axis.strides[k] * axis.size;
    if (one) {
      merged.back().size *= axis.size;
      merged.back().strides = std::move(axis.strides);
    } else {
      merged.push_back(std::move(axis));
    }
  }
  axes = std::move(merged);
}

StridedCopy plan_copy(const phx_value& in, const phx_value& out) {
  const int64_t size = item_bytes(out.dtype);
  std::vector<Axis> axes;
  for (int d = 0; d < out.rank; d++)
    axes.push_back({out.shape[d], false, {out.strides[d] * size, in.strides[d] * size}});
  bool empty = false;
  for (const Axis& axis : axes) empty |= axis.size == 0;
  if (!empty) {
    sort_axes(axes);
    merge_axes(axes);
  }
  // Where the input is contiguous along another axis than the output, that axis goes next to the last.
  if (axes.size() > 2 && axes.back().strides[1] != size && axes.back().strides[1] != 0) {
    for (size_t d = 0; d + 2 < axes.size(); d++)
      if (axes[d].strides[1] == size) {
        Axis moved = axes[d];
        axes.erase(axes.begin() + int64_t(d));
        axes.insert(axes.end() - 1, moved);
        break;
      }
  }
  StridedCopy copy{};
  copy.rank = int32_t(axes.size());
  copy.item_bytes = int32_t(size);
  for (size_t d = 0; d < axes.size(); d++) {
    copy.counts[d] = axes[d].size;
    copy.out_strides[d] = axes[d].strides[0];
    copy.in_strides[d] = axes[d].strides[1];
  }
  return copy;
}

}  // namespace phynexus
