// Comparisons, selection and bits. A bool is a byte, 0 or 1.
#include "elementwise.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

template <class Relation>
struct Compare {
  template <class T, int N>
  static Vector<uint8_t, N> apply(Vector<T, N> a, Vector<T, N> b) {
    return bools_of_mask<Signed<T>, N>(Relation::mask(a, b));
  }
};

struct Equal {
  template <class V>
  static auto mask(V a, V b) {
    return a == b;
  }
};
struct NotEqual {
  template <class V>
  static auto mask(V a, V b) {
    return a != b;
  }
};
struct Less {
  template <class V>
  static auto mask(V a, V b) {
    return a < b;
  }
};
struct LessEqual {
  template <class V>
  static auto mask(V a, V b) {
    return a <= b;
  }
};
struct Greater {
  template <class V>
  static auto mask(V a, V b) {
    return a > b;
  }
};
struct GreaterEqual {
  template <class V>
  static auto mask(V a, V b) {
    return a >= b;
  }
};

template <class T>
ElementKernel compare_of(int32_t opcode, Form form) {
  switch (opcode) {
    case PHX_EQUAL: return binary_form<Compare<Equal>, T, uint8_t>(form);
    case PHX_NOT_EQUAL: return binary_form<Compare<NotEqual>, T, uint8_t>(form);
    case PHX_LESS: return binary_form<Compare<Less>, T, uint8_t>(form);
    case PHX_LESS_EQUAL: return binary_form<Compare<LessEqual>, T, uint8_t>(form);
    case PHX_GREATER: return binary_form<Compare<Greater>, T, uint8_t>(form);
    case PHX_GREATER_EQUAL: return binary_form<Compare<GreaterEqual>, T, uint8_t>(form);
    default: return nullptr;
  }
}

template <class T, bool AUniform, bool BUniform>
void select_kernel(char* out, const char* condition, const char* a, const char* b, int64_t count, int64_t) {
  constexpr int N = lanes<T>;
  const uint8_t* c = reinterpret_cast<const uint8_t*>(condition);
  const T *x = reinterpret_cast<const T*>(a), *y = reinterpret_cast<const T*>(b);
  const Vector<T, N> sx = uniform<T, N>(AUniform ? *x : T(0)), sy = uniform<T, N>(BUniform ? *y : T(0));
  for_vectors<N>(count, [&](int64_t i, auto part) {
    using S = Signed<T>;
    const Vector<S, N> mask = mask_of_bools<S, N>(fetch<uint8_t, N>(c, i, count, part));
    Vector<T, N> vx = sx, vy = sy;
    if constexpr (!AUniform) vx = fetch<T, N>(x, i, count, part);
    if constexpr (!BUniform) vy = fetch<T, N>(y, i, count, part);
    put<T, N>(reinterpret_cast<T*>(out), mask ? vx : vy, i, count, part);
  });
}

template <class T>
ElementKernel select_of(bool first_uniform, bool second_uniform) {
  if (first_uniform) return second_uniform ? select_kernel<T, true, true> : select_kernel<T, true, false>;
  return second_uniform ? select_kernel<T, false, true> : select_kernel<T, false, false>;
}

template <class Relation, class T, bool BUniform, bool CUniform, bool DUniform>
void compare_select_kernel(char* out, const char* a, const char* b, const char* c, int64_t count,
                           int64_t fourth) {
  constexpr int N = lanes<T>;
  const T *x = reinterpret_cast<const T*>(a), *y = reinterpret_cast<const T*>(b),
          *z = reinterpret_cast<const T*>(c), *w = reinterpret_cast<const T*>(fourth);
  const Vector<T, N> sy = uniform<T, N>(BUniform ? *y : T(0)), sz = uniform<T, N>(CUniform ? *z : T(0)),
                     sw = uniform<T, N>(DUniform ? *w : T(0));
  for_vectors<N>(count, [&](int64_t i, auto part) {
    Vector<T, N> vy = sy, vz = sz, vw = sw;
    const Vector<T, N> vx = fetch<T, N>(x, i, count, part);
    if constexpr (!BUniform) vy = fetch<T, N>(y, i, count, part);
    if constexpr (!CUniform) vz = fetch<T, N>(z, i, count, part);
    if constexpr (!DUniform) vw = fetch<T, N>(w, i, count, part);
    put<T, N>(reinterpret_cast<T*>(out), Relation::mask(vx, vy) ? vz : vw, i, count, part);
  });
}

template <class Relation>
ElementKernel compare_select_of(bool b, bool c, bool d) {
  using K = ElementKernel;
  static constexpr K kernels[8] = {
      compare_select_kernel<Relation, float, false, false, false>,
      compare_select_kernel<Relation, float, false, false, true>,
      compare_select_kernel<Relation, float, false, true, false>,
      compare_select_kernel<Relation, float, false, true, true>,
      compare_select_kernel<Relation, float, true, false, false>,
      compare_select_kernel<Relation, float, true, false, true>,
      compare_select_kernel<Relation, float, true, true, false>,
      compare_select_kernel<Relation, float, true, true, true>,
  };
  return kernels[4 * b + 2 * c + d];
}

struct And {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    return a & b;
  }
};
struct Or {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    return a | b;
  }
};
struct Xor {
  template <class T, int N>
  static Vector<T, N> apply(Vector<T, N> a, Vector<T, N> b) {
    return a ^ b;
  }
};
// A shift by the width of the type or more (or by a negative number) gives 0.
struct ShiftLeft {
  template <class T>
  static T one(T a, T b) {
    return uint64_t(b) >= sizeof(T) * 8 ? T(0) : T(std::make_unsigned_t<T>(a) << b);
  }
};
struct ShiftRight {
  template <class T>
  static T one(T a, T b) {
    return uint64_t(b) >= sizeof(T) * 8 ? T(0) : T(a >> b);
  }
};

template <class T>
ElementKernel bitwise_of(int32_t opcode, Form form) {
  switch (opcode) {
    case PHX_BITWISE_AND: return binary_form<And, T>(form);
    case PHX_BITWISE_OR: return binary_form<Or, T>(form);
    case PHX_BITWISE_XOR: return binary_form<Xor, T>(form);
    case PHX_SHIFT_LEFT: return scalar_binary_form<ShiftLeft, T>(form);
    case PHX_SHIFT_RIGHT: return scalar_binary_form<ShiftRight, T>(form);
    default: return nullptr;
  }
}

}  // namespace

ElementKernel comparison(int32_t opcode, int32_t dtype, Form form) {
  switch (dtype) {
    case PHX_FLOAT32: return compare_of<float>(opcode, form);
    case PHX_FLOAT64: return compare_of<double>(opcode, form);
    case PHX_INT32: return compare_of<int32_t>(opcode, form);
    case PHX_INT64: return compare_of<int64_t>(opcode, form);
    case PHX_UINT8:
    case PHX_BOOL: return compare_of<uint8_t>(opcode, form);
    case PHX_UINT32: return compare_of<uint32_t>(opcode, form);
    default: return nullptr;
  }
}

ElementKernel select(int32_t dtype, bool first_uniform, bool second_uniform) {
  switch (dtype) {
    case PHX_FLOAT32:
    case PHX_INT32:
    case PHX_UINT32: return select_of<int32_t>(first_uniform, second_uniform);
    case PHX_FLOAT64:
    case PHX_INT64: return select_of<int64_t>(first_uniform, second_uniform);
    case PHX_UINT8:
    case PHX_BOOL: return select_of<uint8_t>(first_uniform, second_uniform);
    default: return nullptr;
  }
}

ElementKernel compare_select(int32_t opcode, int32_t dtype, bool b, bool c, bool d) {
  if (dtype != PHX_FLOAT32) return nullptr;
  switch (opcode) {
    case PHX_EQUAL: return compare_select_of<Equal>(b, c, d);
    case PHX_NOT_EQUAL: return compare_select_of<NotEqual>(b, c, d);
    case PHX_LESS: return compare_select_of<Less>(b, c, d);
    case PHX_LESS_EQUAL: return compare_select_of<LessEqual>(b, c, d);
    case PHX_GREATER: return compare_select_of<Greater>(b, c, d);
    case PHX_GREATER_EQUAL: return compare_select_of<GreaterEqual>(b, c, d);
    default: return nullptr;
  }
}

ElementKernel bitwise(int32_t opcode, int32_t dtype, Form form) {
  switch (dtype) {
    case PHX_INT32: return bitwise_of<int32_t>(opcode, form);
    case PHX_INT64: return bitwise_of<int64_t>(opcode, form);
    case PHX_UINT8: return bitwise_of<uint8_t>(opcode, form);
    case PHX_UINT32: return bitwise_of<uint32_t>(opcode, form);
    case PHX_BOOL: return opcode <= PHX_BITWISE_XOR ? bitwise_of<uint8_t>(opcode, form) : nullptr;
    default: return nullptr;
  }
}

}  // namespace phynexus::PHYNEXUS_ISA
