// Numbers: how each dtype is read, written and computed with, one element at a time.
#include "numbers.h"

#include <cmath>
#include <cstring>

#include "engine/plan/plan.h"

namespace template_c {

bool is_float(int32_t dtype) { return dtype == PHX_FLOAT32 || dtype == PHX_FLOAT64; }

Number load(int32_t dtype, const char* from) {
  Number n;
  float f;
  int32_t s;
  uint32_t u;
  switch (dtype) {
    case PHX_FLOAT32:
      std::memcpy(&f, from, 4);
      n.d = f;
      break;
    case PHX_FLOAT64: std::memcpy(&n.d, from, 8); break;
    case PHX_INT32:
      std::memcpy(&s, from, 4);
      n.i = s;
      break;
    case PHX_INT64: std::memcpy(&n.i, from, 8); break;
    case PHX_UINT32:
      std::memcpy(&u, from, 4);
      n.i = u;
      break;
    default: n.i = static_cast<unsigned char>(*from);
  }
  return n;
}

void store(int32_t dtype, char* to, Number n) {
  float f = float(n.d);
  int32_t s = int32_t(uint32_t(n.i));
  switch (dtype) {
    case PHX_FLOAT32: std::memcpy(to, &f, 4); break;
    case PHX_FLOAT64: std::memcpy(to, &n.d, 8); break;
    case PHX_INT32:
    case PHX_UINT32: std::memcpy(to, &s, 4); break;
    case PHX_INT64: std::memcpy(to, &n.i, 8); break;
    default: *to = char(n.i);
  }
}

namespace {

// The number as its dtype has it: rounded, or cut to its bits.
Number as(int32_t dtype, Number n) {
  char bytes[8];
  store(dtype, bytes, n);
  return load(dtype, bytes);
}

Number real(double d) { return {d, 0}; }
Number whole(int64_t i) { return {0, i}; }

// Towards zero, to the nearest end where there is no such integer; NaN gives 0.
int64_t saturated(int32_t dtype, double d) {
  double low = 0, high = 255;
  int64_t least = 0, most = 255;
  switch (dtype) {
    case PHX_INT32: low = -2147483648.0, high = 2147483647.0, least = INT32_MIN, most = INT32_MAX; break;
    case PHX_INT64: low = -0x1p63, high = 0x1p63, least = INT64_MIN, most = INT64_MAX; break;
    case PHX_UINT32: high = 4294967295.0, most = UINT32_MAX; break;
    default: break;
  }
  if (std::isnan(d)) return 0;
  if (d <= low) return least;
  if (d >= high) return most;
  return int64_t(d);
}

Number cast(int32_t from, int32_t to, Number a) {
  if (to == PHX_BOOL) return whole(is_float(from) ? a.d != 0 : a.i != 0);
  if (is_float(to)) {
    if (is_float(from)) return as(to, a);
    return real(to == PHX_FLOAT32 ? double(float(a.i)) : double(a.i));
  }
  return is_float(from) ? whole(saturated(to, a.d)) : as(to, a);
}

Number bitcast(int32_t from, int32_t to, Number a) {
  char bytes[8] = {0};
  store(from, bytes, a);
  return load(to, bytes);
}

// The remainder that has the divisor's sign; of integers 0 where the divisor is 0.
Number remainder_of(int32_t dtype, Number a, Number b) {
  if (is_float(dtype)) {
    double r = dtype == PHX_FLOAT32 ? std::fmod(float(a.d), float(b.d)) : std::fmod(a.d, b.d);
    if (r != 0) return real((r < 0) != (b.d < 0) ? r + b.d : r);
    return real(std::copysign(0.0, b.d));
  }
  if (b.i == 0 || b.i == -1) return whole(0);
  int64_t r = a.i % b.i;
  return whole(r != 0 && (r < 0) != (b.i < 0) ? r + b.i : r);
}

int64_t shifted_right(int32_t dtype, int64_t a, int64_t places) {
  if (places < 0 || places >= 8 * phynexus::item_bytes(dtype)) return 0;
  return a >> places;  // unsigned ones lie in the lower half of an int64: no sign comes in
}

// In float32 the function of floats, so that results are rounded once.
template <class F>
Number of_one(int32_t dtype, Number a, const F& f) {
  return real(dtype == PHX_FLOAT32 ? double(f(float(a.d))) : f(a.d));
}

}  // namespace

Number element(int32_t opcode, int32_t from, int32_t to, Number a, Number b, Number c) {
  const bool floats = is_float(from);
  Number r;
  switch (opcode) {
    case PHX_EXP: return of_one(from, a, [](auto x) { return std::exp(x); });
    case PHX_LOG: return of_one(from, a, [](auto x) { return std::log(x); });
    case PHX_SIN: return of_one(from, a, [](auto x) { return std::sin(x); });
    case PHX_COS: return of_one(from, a, [](auto x) { return std::cos(x); });
    case PHX_CAST: return cast(from, to, a);
    case PHX_BITCAST: return bitcast(from, to, a);
    case PHX_ADD: r = floats ? real(a.d + b.d) : whole(int64_t(uint64_t(a.i) + uint64_t(b.i))); break;
    case PHX_MUL: r = floats ? real(a.d * b.d) : whole(int64_t(uint64_t(a.i) * uint64_t(b.i))); break;
    case PHX_DIV: r = real(a.d / b.d); break;
    case PHX_REMAINDER: r = remainder_of(from, a, b); break;
    case PHX_POW:
      r = real(from == PHX_FLOAT32 ? double(std::pow(float(a.d), float(b.d))) : std::pow(a.d, b.d));
      break;
    case PHX_EQUAL: return whole(floats ? a.d == b.d : a.i == b.i);
    case PHX_LESS: return whole(floats ? a.d < b.d : a.i < b.i);
    case PHX_BITWISE_AND: r = whole(a.i & b.i); break;
    case PHX_SHIFT_RIGHT: r = whole(shifted_right(from, a.i, b.i)); break;
    default: return a.i ? b : c;  // PHX_WHERE
  }
  return as(to, r);
}

bool has_element(int32_t opcode) {
  switch (opcode) {
    case PHX_EXP:
    case PHX_LOG:
    case PHX_SIN:
    case PHX_COS:
    case PHX_CAST:
    case PHX_BITCAST:
    case PHX_ADD:
    case PHX_MUL:
    case PHX_DIV:
    case PHX_REMAINDER:
    case PHX_POW:
    case PHX_EQUAL:
    case PHX_LESS:
    case PHX_BITWISE_AND:
    case PHX_SHIFT_RIGHT:
    case PHX_WHERE: return true;
    default: return false;
  }
}

}  // namespace template_c
