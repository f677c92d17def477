// From the number of a unit to its index along each axis.
#pragma once

#include "../group.h"
#include "code.h"

namespace phynexus::gpu {

DEVICE uint32_t quotient(uint32_t n, const Divisor& d) {
  return (uint32_t(uint64_t(n) * d.magic >> 32) + n) >> d.shift;
}

// Digit by digit, for numbers that do not fit 31 bits: the device divides them by a call, around which an interpreter's
// registers would go to memory.
DEVICE uint64_t large_quotient(uint64_t n, uint64_t d) {
  uint64_t rest = 0;
  ONE_BY_ONE
  for (int digit = 0; digit < 64; digit++) {
    rest = rest << 1 | n >> 63;
    n <<= 1;
    if (rest >= d) rest -= d, n |= 1;
  }
  return n;
}
DEVICE void find_large_indices(int64_t unit, const Divisor* sizes, int first, int last, int64_t* indices) {
  ROLLED
  for (int d = last - 1; d >= first; d--) {
    const int64_t rest = int64_t(large_quotient(uint64_t(unit), uint64_t(sizes[d].size)));
    indices[d] = unit - rest * sizes[d].size;
    unit = rest;
  }
}

// Writes the indices along axes [first, last).
DEVICE void find_indices(int64_t unit, const Divisor* sizes, int first, int last, bool large,
                         int64_t* indices) {
  if (large) return find_large_indices(unit, sizes, first, last, indices);
  uint32_t left = uint32_t(unit);
  ROLLED
  for (int d = last - 1; d > first; d--) {
    const uint32_t rest = quotient(left, sizes[d]);
    indices[d] = left - rest * uint32_t(sizes[d].size);
    left = rest;
  }
  if (first < last) indices[first] = left;
}

DEVICE int64_t offset_of(const ChainOperand& operand, int axes, const int64_t* indices) {
  int64_t offset = operand.at.offset;
  ROLLED
  for (int d = 0; d < axes; d++) offset += indices[d] * operand.strides[d];
  return offset;
}

// A run of N neighbours as one load, where they lie so.
template <class T, int N>
struct alignas(sizeof(T) * N) Run {
  T elements[N];
};

// f(j, element) for all j < N; where fewer are present, elements beyond are copies of the first. Where none is, nothing
// is read: whoever has the place may be writing there.
template <int N, class T, class F>
DEVICE void load_run(const char* from, int64_t stride, int present, const F& f) {
  if (present == 0) return;
  if (stride == int64_t(sizeof(T)) && present == N &&
      (reinterpret_cast<uintptr_t>(from) & (sizeof(T) * N - 1)) == 0) {
    const Run<T, N> run = *reinterpret_cast<const Run<T, N>*>(from);
    UNROLL
    for (int j = 0; j < N; j++) f(j, run.elements[j]);
  } else if (stride == 0) {
    const T one = *reinterpret_cast<const T*>(from);
    UNROLL
    for (int j = 0; j < N; j++) f(j, one);
  } else {
    UNROLL
    for (int j = 0; j < N; j++) f(j, *reinterpret_cast<const T*>(from + (j < present ? j * stride : 0)));
  }
}

// element(j) goes to the places that are present.
template <int N, class T, class F>
DEVICE void store_run(char* to, int64_t stride, int present, const F& element) {
  if (stride == int64_t(sizeof(T)) && present == N &&
      (reinterpret_cast<uintptr_t>(to) & (sizeof(T) * N - 1)) == 0) {
    Run<T, N> run;
    UNROLL
    for (int j = 0; j < N; j++) run.elements[j] = element(j);
    *reinterpret_cast<Run<T, N>*>(to) = run;
  } else {
    UNROLL
    for (int j = 0; j < N; j++)
      if (j < present) *reinterpret_cast<T*>(to + j * stride) = element(j);
  }
}

}  // namespace phynexus::gpu
