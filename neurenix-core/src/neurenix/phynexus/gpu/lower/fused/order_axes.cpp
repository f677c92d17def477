// Orders and merges the axes of a chain.
#include <algorithm>
#include <cstdlib>

#include "chain.h"

namespace phynexus::gpu {
namespace {

struct Strided {
  Chain::Axis axis;
  std::vector<int64_t> strides;
};

std::vector<Strided> gather_axes(Chain& chain) {
  std::vector<Strided> axes;
  for (size_t d = 0; d < chain.axes.size(); d++) {
    Strided one{chain.axes[d], {}};
    chain.each_operand([&](const Chain::Operand& x) { one.strides.push_back(x.strides[d]); });
    axes.push_back(std::move(one));
  }
  return axes;
}

void put_back(Chain& chain, const std::vector<Strided>& axes) {
  chain.axes.clear();
  for (const Strided& one : axes) chain.axes.push_back(one.axis);
  size_t k = 0;
  chain.each_operand([&](Chain::Operand& x) {
    x.strides.clear();
    for (const Strided& one : axes) x.strides.push_back(one.strides[k]);
    k++;
  });
}

// Whether more operands step further along `inner` than along `outer`.
bool wrong_way(const Strided& outer, const Strided& inner) {
  int votes = 0;
  for (size_t k = 0; k < outer.strides.size(); k++) {
    const int64_t a = std::abs(outer.strides[k]), b = std::abs(inner.strides[k]);
    if (a != 0 && b != 0 && a != b) votes += a < b ? 1 : -1;
  }
  return votes > 0;
}

bool one_walk(const Strided& outer, const Strided& inner) {
  if (outer.axis.reduced != inner.axis.reduced) return false;
  for (size_t k = 0; k < outer.strides.size(); k++)
    if (outer.strides[k] != inner.strides[k] * inner.axis.size) return false;
  return true;
}

std::vector<Strided> as_few(std::vector<Strided> axes) {
  std::vector<Strided> merged;
  for (Strided& one : axes) {
    if (!merged.empty() && one_walk(merged.back(), one)) {
      one.axis.size *= merged.back().axis.size;
      merged.back() = std::move(one);
    } else {
      merged.push_back(std::move(one));
    }
  }
  return merged;
}

}  // namespace

void merge_axes(Chain& chain) {
  std::vector<Strided> axes = gather_axes(chain);
  std::erase_if(axes, [](const Strided& one) { return one.axis.size == 1; });
  put_back(chain, as_few(std::move(axes)));
}

bool order_axes(Chain& chain) {
  std::vector<Strided> axes = gather_axes(chain);
  std::erase_if(axes, [](const Strided& one) { return one.axis.size == 1; });
  for (size_t i = 1; i < axes.size(); i++)
    for (size_t j = i; j > 0 && wrong_way(axes[j - 1], axes[j]); j--) std::swap(axes[j - 1], axes[j]);
  const bool run_is_kept = axes.empty() || !axes.back().axis.reduced;
  std::stable_partition(axes.begin(), axes.end(), [](const Strided& one) { return !one.axis.reduced; });
  put_back(chain, as_few(std::move(axes)));
  return run_is_kept;
}

}  // namespace phynexus::gpu
