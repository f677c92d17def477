// A walk over the elements of several strided operands, in row-major order of the axes as they are.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "../plan/plan.h"

namespace phynexus {

template <int Operands>
class Walk {
 public:
  void add_axis(int64_t size, std::array<int64_t, Operands> strides) {  // bytes; the outermost first
    if (size == 1) return;
    sizes_[rank_] = size;
    strides_[rank_++] = strides;
    total_ *= size;
  }
  int64_t total() const { return total_; }
  // f(size, strides), the outermost axis first.
  template <class F>
  void for_axes(const F& f) const {
    for (int d = 0; d < rank_; d++) f(sizes_[d], strides_[d]);
  }

  std::array<int64_t, Operands> offsets(int64_t position) const {
    std::array<int64_t, Operands> at{};
    for (int d = rank_; d-- > 0;) {
      const int64_t i = position % sizes_[d];
      position /= sizes_[d];
      for (int k = 0; k < Operands; k++) at[size_t(k)] += i * strides_[d][size_t(k)];
    }
    return at;
  }

  // f(offsets) for positions [begin, end).
  template <class F>
  void each(int64_t begin, int64_t end, const F& f) const {
    if (begin >= end) return;
    std::array<int64_t, Operands> at{};
    int64_t index[2 * PHX_MAX_RANK + 1];
    int64_t position = begin;
    for (int d = rank_; d-- > 0;) {
      index[d] = position % sizes_[d];
      position /= sizes_[d];
      for (int k = 0; k < Operands; k++) at[size_t(k)] += index[d] * strides_[d][size_t(k)];
    }
    for (int64_t i = begin;;) {
      f(at);
      if (++i == end) return;
      for (int d = rank_; d-- > 0;) {
        if (++index[d] < sizes_[d]) {
          for (int k = 0; k < Operands; k++) at[size_t(k)] += strides_[d][size_t(k)];
          break;
        }
        index[d] = 0;
        for (int k = 0; k < Operands; k++) at[size_t(k)] -= (sizes_[d] - 1) * strides_[d][size_t(k)];
      }
    }
  }

 private:
  int rank_ = 0;
  int64_t total_ = 1;
  int64_t sizes_[2 * PHX_MAX_RANK + 1];
  std::array<int64_t, Operands> strides_[2 * PHX_MAX_RANK + 1];
};

inline int64_t byte_stride(const phx_value& value, int axis) {
  return value.strides[axis] * item_bytes(value.dtype);
}

}  // namespace phynexus
