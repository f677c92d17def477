// Running sums along an axis, from either end. Long lines in chunks: their totals, what stands before each, the sums.
#pragma once

#include "../elementwise/operations.h"
#include "units.h"

namespace phynexus::gpu {

template <class T>
struct Running {
  using Type = uint64_t;
};
template <>
struct Running<float> {
  using Type = double;
};
template <>
struct Running<double> {
  using Type = double;
};

template <class T>
DEVICE T narrowed_sum(double sum) {
  if constexpr (sizeof(T) == 2) return narrowed<T>(float_to_odd(sum));
  else return T(sum);
}
template <class T>
DEVICE T narrowed_sum(uint64_t sum) {
  return T(sum);
}

// A chunk of a line, and where the line lies.
struct CumsumChunk {
  int64_t line, number, begin, end;
  const char* in;
  char* out;
};
DEVICE bool find_chunk(const CumsumParams& p, char* const* bases, int64_t unit, CumsumChunk& chunk) {
  if (unit >= p.lines.units * p.chunks) return false;
  // Neighbouring threads take neighbouring lines: their elements may lie together.
  int64_t place[2];
  find_indices(unit, p.chunk_and_line, 0, 2, p.large != 0, place);
  chunk.number = place[0];
  chunk.line = place[1];
  chunk.begin = chunk.number * p.chunk;
  chunk.end = chunk.begin + p.chunk < p.count ? chunk.begin + p.chunk : p.count;
  int64_t indices[max_rank];
  unit_indices(p.lines, chunk.line, indices);
  chunk.in = place_of(p.in, bases, p.lines.axes, indices);
  chunk.out = place_of(p.out, bases, p.lines.axes, indices);
  return true;
}

template <class T>
DEVICE T cumsum_element(const CumsumParams& p, const CumsumChunk& chunk, int64_t i) {
  return *reinterpret_cast<const T*>(chunk.in + (p.reverse ? p.count - 1 - i : i) * p.in.run_stride);
}

DEVICE void cumsum_totals(const CumsumParams& p, char* const* bases, int64_t tile, const Group& group) {
  CumsumChunk chunk;
  if (!find_chunk(p, bases, unit_of(tile, group), chunk)) return;
  with_dtype(p.dtype, [&](auto kind) {
    using T = decltype(kind);
    using Sum = typename Running<Computed<T>>::Type;
    Sum sum = 0;
    for (int64_t i = chunk.begin; i < chunk.end; i++) sum += Sum(widened(cumsum_element<T>(p, chunk, i)));
    at<Sum>(bases, p.totals)[chunk.line * p.chunks + chunk.number] = sum;
  });
}

// A unit is a line.
DEVICE void cumsum_offsets(const CumsumParams& p, char* const* bases, int64_t tile, const Group& group) {
  const int64_t line = unit_of(tile, group);
  if (line >= p.lines.units) return;
  with_dtype(p.dtype, [&](auto kind) {
    using Sum = typename Running<Computed<decltype(kind)>>::Type;
    Sum* totals = at<Sum>(bases, p.totals) + line * p.chunks;
    Sum before = 0;
    for (int64_t k = 0; k < p.chunks; k++) {
      const Sum own = totals[k];
      totals[k] = before;
      before += own;
    }
  });
}

DEVICE void cumsum(const CumsumParams& p, char* const* bases, int64_t tile, const Group& group) {
  CumsumChunk chunk;
  if (!find_chunk(p, bases, unit_of(tile, group), chunk)) return;
  with_dtype(p.dtype, [&](auto kind) {
    using T = decltype(kind);
    using Sum = typename Running<Computed<T>>::Type;
    Sum sum = 0;
    if (p.chunks > 1) sum = at<Sum>(bases, p.totals)[chunk.line * p.chunks + chunk.number];
    for (int64_t i = chunk.begin; i < chunk.end; i++) {
      sum += Sum(widened(cumsum_element<T>(p, chunk, i)));
      *reinterpret_cast<T*>(chunk.out + (p.reverse ? p.count - 1 - i : i) * p.out.run_stride) =
          narrowed_sum<T>(sum);
    }
  });
}

}  // namespace phynexus::gpu
