// Arithmetic that every numeric dtype has. Integers wrap (these files are compiled with -fwrapv).
#include "elementwise.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

struct Negate {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, int64_t) {
    return -a;
  }
};

struct Absolute {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, int64_t) {
    if constexpr (std::is_floating_point_v<T>) {
      using S = Signed<T>;
      constexpr S rest = S(~(std::make_unsigned_t<S>(1) << (sizeof(T) * 8 - 1)));
      return (Vector<T, N>)((Vector<S, N>)a & rest);
    } else if constexpr (std::is_unsigned_v<T>) {
      return a;
    } else {
      return a < 0 ? -a : a;
    }
  }
};

struct Sign {  // of NaN: NaN
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, int64_t) {
    const Vector<T, N> zero{}, one = zero + T(1);
    if constexpr (std::is_unsigned_v<T>) return a != zero ? one : zero;
    else return a > zero ? one : (a < zero ? -one : (a == zero ? zero : a));
  }
};

struct IntegerPower {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, int64_t exponent) {
    Vector<T, N> power = Vector<T, N>{} + T(1), square = a;
    for (uint64_t e = exponent < 0 ? -uint64_t(exponent) : uint64_t(exponent); e; e >>= 1) {
      if (e & 1) power *= square;
      square *= square;
    }
    if constexpr (std::is_floating_point_v<T>) return exponent < 0 ? T(1) / power : power;
    else return power;
  }
};

// Exactly rounded by the machine, element by element: the compiler's own vectors give the same bits.
struct Floor {
  static float one(float a) { return __builtin_floorf(a); }
  static double one(double a) { return __builtin_floor(a); }
};
struct Round {  // half to even
  static float one(float a) { return __builtin_rintf(a); }
  static double one(double a) { return __builtin_rint(a); }
};
struct SquareRoot {
  static float one(float a) { return __builtin_sqrtf(a); }
  static double one(double a) { return __builtin_sqrt(a); }
};
struct ReciprocalRoot {
  static float one(float a) { return 1 / __builtin_sqrtf(a); }
  static double one(double a) { return 1 / __builtin_sqrt(a); }
};

template <class T>
void is_finite(char* out, const char* a, const char*, const char*, int64_t count, int64_t) {
  constexpr int N = lanes<T>;
  using S = Signed<T>;
  const T* x = reinterpret_cast<const T*>(a);
  const S exponent = sizeof(T) == 4 ? S(0x7f800000) : S(0x7ff0000000000000);
  for_vectors<N>(count, [&](int64_t i, auto part) {
    const Vector<S, N> bits = (Vector<S, N>)fetch<T, N>(x, i, count, part) & exponent;
    put<uint8_t, N>(reinterpret_cast<uint8_t*>(out), bools_of_mask<S, N>(bits != exponent), i, count, part);
  });
}

void always_finite(char* out, const char*, const char*, const char*, int64_t count, int64_t) {
  std::memset(out, 1, size_t(count));
}

void logical_not(char* out, const char* a, const char*, const char*, int64_t count, int64_t) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; i++) out[i] = char(a[i] ^ 1);
}

struct Add {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    return a + b;
  }
};
struct Subtract {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    return a - b;
  }
};
struct Multiply {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    return a * b;
  }
};
struct Divide {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    return a / b;
  }
};
struct Maximum {  // either NaN: NaN
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    if constexpr (std::is_floating_point_v<T>) return (a > b) | (a != a) ? a : b;
    else return a > b ? a : b;
  }
};
struct Minimum {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    if constexpr (std::is_floating_point_v<T>) return (a < b) | (a != a) ? a : b;
    else return a < b ? a : b;
  }
};

struct Remainder {  // has the divisor's sign, as NumPy's; an integer's by 0 is 0
  template <class T>
  static T one(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      T r;
      if constexpr (sizeof(T) == 4) r = __builtin_fmodf(a, b);
      else r = __builtin_fmod(a, b);
      if (b == 0 || r != r) return r;
      if (r == 0)
        return sizeof(T) == 4 ? T(__builtin_copysignf(0, float(b))) : T(__builtin_copysign(0, double(b)));
      return (r < 0) != (b < 0) ? r + b : r;
    } else if constexpr (std::is_signed_v<T>) {
      if (b == 0 || b == -1) return 0;
      const T r = a % b;
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    } else {
      return b == 0 ? 0 : a % b;
    }
  }
};

template <class T>
ElementKernel numeric_unary(int32_t opcode) {
  switch (opcode) {
    case PHX_NEG: return unary_kernel<Negate, T>;
    case PHX_ABS: return unary_kernel<Absolute, T>;
    case PHX_SIGN: return unary_kernel<Sign, T>;
    case PHX_INTEGER_POW: return unary_kernel<IntegerPower, T>;
    default: break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    switch (opcode) {
      case PHX_FLOOR: return scalar_unary_kernel<Floor, T>;
      case PHX_ROUND: return scalar_unary_kernel<Round, T>;
      case PHX_SQRT: return scalar_unary_kernel<SquareRoot, T>;
      case PHX_RSQRT: return scalar_unary_kernel<ReciprocalRoot, T>;
      case PHX_IS_FINITE: return is_finite<T>;
      default: return nullptr;
    }
  }
  return opcode == PHX_IS_FINITE ? always_finite : nullptr;
}

template <class T>
ElementKernel numeric_binary(int32_t opcode, Form form) {
  switch (opcode) {
    case PHX_ADD: return binary_form<Add, T>(form);
    case PHX_SUB: return binary_form<Subtract, T>(form);
    case PHX_MUL: return binary_form<Multiply, T>(form);
    case PHX_MAXIMUM: return binary_form<Maximum, T>(form);
    case PHX_MINIMUM: return binary_form<Minimum, T>(form);
    case PHX_REMAINDER: return scalar_binary_form<Remainder, T>(form);
    default: break;
  }
  if constexpr (std::is_floating_point_v<T>)
    if (opcode == PHX_DIV) return binary_form<Divide, T>(form);
  return nullptr;
}

template <int Sign, class T, bool BUniform>
void multiply_add_kernel(char* out, const char* a, const char* b, const char* c, int64_t count, int64_t) {
  constexpr int N = lanes<T>;
  const T *x = reinterpret_cast<const T*>(a), *y = reinterpret_cast<const T*>(b),
          *z = reinterpret_cast<const T*>(c);
  const Vector<T, N> s = uniform<T, N>(BUniform ? *y : T(0));
  for_vectors<N>(count, [&](int64_t i, auto part) {
    const Vector<T, N> left = fetch<T, N>(x, i, count, part), third = fetch<T, N>(z, i, count, part);
    Vector<T, N> right = s;
    if constexpr (!BUniform) right = fetch<T, N>(y, i, count, part);
    Vector<T, N> result;
    if constexpr (Sign == 0) result = left * right + third;
    else if constexpr (Sign == 1) result = left * right - third;
    else result = third - left * right;
    put<T, N>(reinterpret_cast<T*>(out), result, i, count, part);
  });
}

template <class T>
ElementKernel multiply_add_of(int32_t sign, bool b_uniform) {
  if (b_uniform)
    return sign == 0   ? multiply_add_kernel<0, T, true>
           : sign == 1 ? multiply_add_kernel<1, T, true>
                       : multiply_add_kernel<2, T, true>;
  return sign == 0   ? multiply_add_kernel<0, T, false>
         : sign == 1 ? multiply_add_kernel<1, T, false>
                     : multiply_add_kernel<2, T, false>;
}

}  // namespace

ElementKernel arithmetic_unary(int32_t opcode, int32_t dtype) {
  switch (dtype) {
    case PHX_FLOAT32: return numeric_unary<float>(opcode);
    case PHX_FLOAT64: return numeric_unary<double>(opcode);
    case PHX_INT32: return numeric_unary<int32_t>(opcode);
    case PHX_INT64: return numeric_unary<int64_t>(opcode);
    case PHX_UINT8: return numeric_unary<uint8_t>(opcode);
    case PHX_UINT32: return numeric_unary<uint32_t>(opcode);
    case PHX_BOOL:
      return opcode == PHX_LOGICAL_NOT ? logical_not : opcode == PHX_IS_FINITE ? always_finite : nullptr;
    default: return nullptr;
  }
}

ElementKernel arithmetic_binary(int32_t opcode, int32_t dtype, Form form) {
  switch (dtype) {
    case PHX_FLOAT32: return numeric_binary<float>(opcode, form);
    case PHX_FLOAT64: return numeric_binary<double>(opcode, form);
    case PHX_INT32: return numeric_binary<int32_t>(opcode, form);
    case PHX_INT64: return numeric_binary<int64_t>(opcode, form);
    case PHX_UINT8: return numeric_binary<uint8_t>(opcode, form);
    case PHX_UINT32: return numeric_binary<uint32_t>(opcode, form);
    default: return nullptr;
  }
}

ElementKernel multiply_add(int32_t sign, int32_t dtype, bool b_uniform) {
  if (dtype == PHX_FLOAT32) return multiply_add_of<float>(sign, b_uniform);
  if (dtype == PHX_FLOAT64) return multiply_add_of<double>(sign, b_uniform);
  return nullptr;
}

}  // namespace phynexus::PHYNEXUS_ISA
