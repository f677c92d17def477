// Stable sorting along an axis, NaN last, of numbers of elements: every element finds its own place.
#pragma once

#include "../elementwise/casts.h"
#include "units.h"

namespace phynexus::gpu {

// Unsigned numbers in the order of the values; -0 and 0 are one, NaN are one, the largest.
DEVICE uint64_t key_of_bits(uint64_t bits, int width, bool nan) {
  if (nan) return ~uint64_t(0);
  const uint64_t sign = uint64_t(1) << (width - 1);
  if (bits == sign) bits = 0;
  return bits & sign ? sign - (bits & (sign - 1)) : sign + bits;
}
DEVICE_CALL uint64_t sort_key(const char* at, int32_t dtype) {
  switch (dtype) {
    case dtype_float32: {
      const float x = *reinterpret_cast<const float*>(at);
      return key_of_bits(bits_of_float(x), 32, x != x);
    }
    case dtype_float64: {
      const double x = *reinterpret_cast<const double*>(at);
      return key_of_bits(same_bits<uint64_t>(x), 64, x != x);
    }
    case dtype_float16: {
      const float x = widened(*reinterpret_cast<const Float16*>(at));
      return key_of_bits(bits_of_float(x), 32, x != x);
    }
    case dtype_bfloat16: {
      const float x = widened(*reinterpret_cast<const BFloat16*>(at));
      return key_of_bits(bits_of_float(x), 32, x != x);
    }
    case dtype_int32: return uint64_t(int64_t(*reinterpret_cast<const int32_t*>(at)) + (int64_t(1) << 31));
    case dtype_int64: return *reinterpret_cast<const uint64_t*>(at) ^ uint64_t(1) << 63;
    case dtype_uint32: return *reinterpret_cast<const uint32_t*>(at);
    default: return *reinterpret_cast<const uint8_t*>(at);
  }
}

struct SortLine {
  const SortParams& p;
  char* const* bases;
  int64_t line;
  int64_t indices[max_rank];
  const char* in;

  DEVICE SortLine(const SortParams& p, char* const* bases, int64_t line) : p(p), bases(bases), line(line) {
    unit_indices(p.lines, line, indices);
    in = place_of(p.in, bases, p.lines.axes, indices);
  }
  DEVICE const char* element(int64_t number) const { return in + along_offset(p.along, p.in_along, number); }
  DEVICE uint64_t key(int64_t number) const {
    if (p.most >= 0) return uint64_t(clamped(*reinterpret_cast<const int32_t*>(element(number)), p.most));
    return sort_key(element(number), p.dtype);
  }
  DEVICE void put(int64_t place, int64_t number) const {
    if (!p.last) {
      at<int32_t>(bases, p.after)[line * p.along.count + place] = int32_t(number);
      return;
    }
    *reinterpret_cast<int32_t*>(place_of(p.from, bases, p.lines.axes, indices) + place * p.from.run_stride) =
        int32_t(number);
    if (!p.writes_values) return;
    char* value = place_of(p.values, bases, p.lines.axes, indices) + place * p.values.run_stride;
    with_dtype(p.dtype, [&](auto kind) {
      using T = decltype(kind);
      *reinterpret_cast<T*>(value) = *reinterpret_cast<const T*>(element(number));
    });
  }
};

// Within runs: it counts those that stand before it.
DEVICE void sort_runs(const SortParams& p, char* const* bases, int64_t tile, const Group& group) {
  const int64_t unit = unit_of(tile, group), count = p.along.count;
  if (unit >= p.lines.units * count) return;
  int64_t place_of_unit[2];
  find_indices(unit, p.line_and_element, 0, 2, p.large != 0, place_of_unit);
  const int64_t line = place_of_unit[0], mine = place_of_unit[1];
  const SortLine sorted(p, bases, line);
  const int64_t begin = mine & -p.run, end = begin + p.run < count ? begin + p.run : count;
  const uint64_t key = sorted.key(mine);
  int64_t place = begin;
  for (int64_t other = begin; other < end; other++) {
    const uint64_t theirs = sorted.key(other);
    place += theirs < key || (theirs == key && other < mine);
  }
  sorted.put(place, mine);
}

// Two runs become one: it finds how many of the other run stand before it.
DEVICE void sort_merge(const SortParams& p, char* const* bases, int64_t tile, const Group& group) {
  const int64_t unit = unit_of(tile, group), count = p.along.count;
  if (unit >= p.lines.units * count) return;
  int64_t place_of_unit[2];
  find_indices(unit, p.line_and_element, 0, 2, p.large != 0, place_of_unit);
  const int64_t line = place_of_unit[0], mine = place_of_unit[1];
  const SortLine sorted(p, bases, line);
  const int32_t* numbers = at<int32_t>(bases, p.before) + line * count;
  const int64_t begin = mine & -(2 * p.run);
  const bool in_first = mine < begin + p.run;
  int64_t low = in_first ? begin + p.run : begin, high = low + p.run;
  low = low < count ? low : count, high = high < count ? high : count;
  const int64_t others = low, number = numbers[mine];
  const uint64_t key = sorted.key(number);
  while (low < high) {
    const int64_t middle = (low + high) / 2, other = numbers[middle];
    const uint64_t theirs = sorted.key(other);
    if (theirs < key || (theirs == key && other < number)) low = middle + 1;
    else high = middle;
  }
  const int64_t in_own = mine - (in_first ? begin : begin + p.run);
  sorted.put(begin + in_own + (low - others), number);
}

}  // namespace phynexus::gpu
