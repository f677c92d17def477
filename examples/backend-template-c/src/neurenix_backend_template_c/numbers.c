/* Numbers: how each dtype is read, written and computed with, one element at a time. */
#include <math.h>
#include <string.h>

#include "engine.h"

int64_t size_of(int32_t dtype) {
  switch (dtype) {
    case PHX_FLOAT64:
    case PHX_INT64: return 8;
    case PHX_UINT8:
    case PHX_BOOL: return 1;
    default: return 4;
  }
}

int is_float(int32_t dtype) { return dtype == PHX_FLOAT32 || dtype == PHX_FLOAT64; }

int supports_dtype(int32_t dtype) {
  return dtype >= 0 && dtype <= PHX_BOOL && dtype != PHX_FLOAT16 && dtype != PHX_BFLOAT16;
}

number load(int32_t dtype, const char* from) {
  number n = {0, 0};
  float f;
  int32_t s;
  uint32_t u;
  switch (dtype) {
    case PHX_FLOAT32:
      memcpy(&f, from, 4);
      n.d = f;
      break;
    case PHX_FLOAT64: memcpy(&n.d, from, 8); break;
    case PHX_INT32:
      memcpy(&s, from, 4);
      n.i = s;
      break;
    case PHX_INT64: memcpy(&n.i, from, 8); break;
    case PHX_UINT32:
      memcpy(&u, from, 4);
      n.i = u;
      break;
    default: n.i = *(const unsigned char*)from;
  }
  return n;
}

void store(int32_t dtype, char* to, number n) {
  float f = (float)n.d;
  int32_t s = (int32_t)(uint32_t)n.i;
  switch (dtype) {
    case PHX_FLOAT32: memcpy(to, &f, 4); break;
    case PHX_FLOAT64: memcpy(to, &n.d, 8); break;
    case PHX_INT32:
    case PHX_UINT32: memcpy(to, &s, 4); break;
    case PHX_INT64: memcpy(to, &n.i, 8); break;
    default: *(unsigned char*)to = (unsigned char)n.i;
  }
}

/* The number as its dtype has it: rounded, or cut to its bits. */
static number as(int32_t dtype, number n) {
  char bytes[8];
  store(dtype, bytes, n);
  return load(dtype, bytes);
}

static number real(double d) { return (number){d, 0}; }
static number whole(int64_t i) { return (number){0, i}; }

/* Towards zero, to the nearest end where there is no such integer; NaN gives 0. */
static int64_t saturated(int32_t dtype, double d) {
  double low = 0, high;
  int64_t least = 0, most;
  switch (dtype) {
    case PHX_INT32: low = -2147483648.0, high = 2147483647.0, least = INT32_MIN, most = INT32_MAX; break;
    case PHX_INT64: low = -0x1p63, high = 0x1p63, least = INT64_MIN, most = INT64_MAX; break;
    case PHX_UINT32: high = 4294967295.0, most = UINT32_MAX; break;
    default: high = 255.0, most = 255;
  }
  if (isnan(d)) return 0;
  if (d <= low) return least;
  if (d >= high) return most;
  return (int64_t)d;
}

static number cast(int32_t from, int32_t to, number a) {
  if (to == PHX_BOOL) return whole(is_float(from) ? a.d != 0 : a.i != 0);
  if (is_float(to)) {
    if (is_float(from)) return as(to, a);
    return real(to == PHX_FLOAT32 ? (double)(float)a.i : (double)a.i);
  }
  return is_float(from) ? whole(saturated(to, a.d)) : as(to, a);
}

static number bitcast(int32_t from, int32_t to, number a) {
  char bytes[8] = {0};
  store(from, bytes, a);
  return load(to, bytes);
}

/* The remainder that has the divisor's sign; of integers 0 where the divisor is 0. */
static number remainder_of(int32_t dtype, number a, number b) {
  if (is_float(dtype)) {
    double r = dtype == PHX_FLOAT32 ? fmodf((float)a.d, (float)b.d) : fmod(a.d, b.d);
    if (r != 0) return real((r < 0) != (b.d < 0) ? r + b.d : r);
    return real(copysign(0.0, b.d));
  }
  if (b.i == 0 || b.i == -1) return whole(0);
  int64_t r = a.i % b.i;
  return whole(r != 0 && (r < 0) != (b.i < 0) ? r + b.i : r);
}

static int64_t shifted_right(int32_t dtype, int64_t a, int64_t places) {
  if (places < 0 || places >= 8 * size_of(dtype)) return a < 0 ? -1 : 0;
  return a >> places; /* unsigned ones lie in the lower half of an int64: no sign comes in */
}

/* In float32 the function of floats, so that results are rounded once. */
#define OF_ONE(name) real(from == PHX_FLOAT32 ? (double)name##f((float)a.d) : name(a.d))

number element(int32_t opcode, int32_t from, int32_t to, number a, number b, number c) {
  const int floats = is_float(from);
  number r;
  switch (opcode) {
    case PHX_EXP: return OF_ONE(exp);
    case PHX_LOG: return OF_ONE(log);
    case PHX_SIN: return OF_ONE(sin);
    case PHX_COS: return OF_ONE(cos);
    case PHX_CAST: return cast(from, to, a);
    case PHX_BITCAST: return bitcast(from, to, a);
    case PHX_ADD: r = floats ? real(a.d + b.d) : whole((int64_t)((uint64_t)a.i + (uint64_t)b.i)); break;
    case PHX_MUL: r = floats ? real(a.d * b.d) : whole((int64_t)((uint64_t)a.i * (uint64_t)b.i)); break;
    case PHX_DIV: r = real(a.d / b.d); break;
    case PHX_REMAINDER: r = remainder_of(from, a, b); break;
    case PHX_POW: r = real(from == PHX_FLOAT32 ? (double)powf((float)a.d, (float)b.d) : pow(a.d, b.d)); break;
    case PHX_EQUAL: return whole(floats ? a.d == b.d : a.i == b.i);
    case PHX_LESS: return whole(floats ? a.d < b.d : a.i < b.i);
    case PHX_BITWISE_AND: r = whole(a.i & b.i); break;
    case PHX_SHIFT_RIGHT: r = whole(shifted_right(from, a.i, b.i)); break;
    default: return a.i ? b : c; /* PHX_WHERE */
  }
  return as(to, r);
}

int supports_element(int32_t opcode) {
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
    case PHX_WHERE: return 1;
    default: return 0;
  }
}
