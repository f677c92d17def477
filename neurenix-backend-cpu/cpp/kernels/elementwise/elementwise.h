// Shapes of elementwise kernels, and the families that make up the table.
#pragma once

#include <phynexus.h>

#include "../runtime_kernels.h"
#include "../vectors.h"

namespace phynexus::PHYNEXUS_ISA {

ElementKernel arithmetic_unary(int32_t opcode, int32_t dtype);
ElementKernel arithmetic_binary(int32_t opcode, int32_t dtype, Form form);
ElementKernel comparison(int32_t opcode, int32_t dtype, Form form);
ElementKernel bitwise(int32_t opcode, int32_t dtype, Form form);
ElementKernel math_float32(int32_t opcode);
ElementKernel math_float32_binary(int32_t opcode, Form form);
ElementKernel math_float64(int32_t opcode);
ElementKernel math_float64_binary(int32_t opcode, Form form);
ElementKernel select(int32_t dtype, bool first_uniform, bool second_uniform);
ElementKernel compare_select(int32_t opcode, int32_t dtype, bool b_uniform, bool c_uniform, bool d_uniform);
ElementKernel multiply_add(int32_t sign, int32_t dtype, bool b_uniform);
ElementKernel cast_between(int32_t from, int32_t to);
ElementKernel splat(int32_t item_bytes);
ReduceKernel reduction(int32_t opcode, int32_t dtype);
WindowKernel window(int32_t dtype, bool largest);
FirstLargestKernel first_largest(int32_t dtype);
int64_t argmax(int32_t dtype, const char* values, int64_t count);
void argmax_columns(int32_t dtype, const char* values, const int64_t* offsets, int64_t rows, int64_t columns,
                    int32_t* out);
void read_tile(char* dense, const char* strided, const Tile& tile, int64_t leading);
void write_tile(char* strided, const char* dense, const Tile& tile, int64_t leading);
void copy_strided(char* out, const char* in, const StridedCopy& copy);
void random_bits(uint32_t* out, const uint32_t* key, int64_t first, int64_t count);

// F::apply(vector) -> vector of the same kind.
template <class F, class T>
void unary_kernel(char* out, const char* a, const char*, const char*, int64_t count, int64_t immediate) {
  constexpr int N = lanes<T>;
  const T* x = reinterpret_cast<const T*>(a);
  T* o = reinterpret_cast<T*>(out);
  for_vectors<N>(count, [&](int64_t i, auto part) {
    put<T, N>(o, F::template apply<T, N>(fetch<T, N>(x, i, count, part), immediate), i, count, part);
  });
}

// F::apply(vector, vector) -> vector of R.
template <class F, class T, class R, Form form>
void binary_kernel(char* out, const char* a, const char* b, const char*, int64_t count, int64_t) {
  constexpr int N = lanes<T>;
  const T* x = reinterpret_cast<const T*>(a);
  const T* y = reinterpret_cast<const T*>(b);
  R* o = reinterpret_cast<R*>(out);
  if constexpr (form == Form::vectors) {
    for_vectors<N>(count, [&](int64_t i, auto part) {
      put<R, N>(o, F::template apply<T, N>(fetch<T, N>(x, i, count, part), fetch<T, N>(y, i, count, part)), i,
                count, part);
    });
  } else if constexpr (form == Form::second_uniform) {
    const Vector<T, N> s = uniform<T, N>(*y);
    for_vectors<N>(count, [&](int64_t i, auto part) {
      put<R, N>(o, F::template apply<T, N>(fetch<T, N>(x, i, count, part), s), i, count, part);
    });
  } else {
    const Vector<T, N> s = uniform<T, N>(*x);
    for_vectors<N>(count, [&](int64_t i, auto part) {
      put<R, N>(o, F::template apply<T, N>(s, fetch<T, N>(y, i, count, part)), i, count, part);
    });
  }
}

template <class F, class T, class R = T>
ElementKernel binary_form(Form form) {
  switch (form) {
    case Form::vectors: return binary_kernel<F, T, R, Form::vectors>;
    case Form::second_uniform: return binary_kernel<F, T, R, Form::second_uniform>;
    case Form::first_uniform: return binary_kernel<F, T, R, Form::first_uniform>;
  }
  return nullptr;
}

// For functions that have no vector form: one element after the other.
template <class F, class T>
void scalar_unary_kernel(char* out, const char* a, const char*, const char*, int64_t count, int64_t) {
  const T* x = reinterpret_cast<const T*>(a);
  T* o = reinterpret_cast<T*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; i++) o[i] = F::one(x[i]);
}

template <class F, class T>
ElementKernel scalar_binary_form(Form form) {
  switch (form) {
    case Form::vectors:
      return [](char* out, const char* a, const char* b, const char*, int64_t count, int64_t) {
        const T *x = reinterpret_cast<const T*>(a), *y = reinterpret_cast<const T*>(b);
        for (int64_t i = 0; i < count; i++) reinterpret_cast<T*>(out)[i] = F::one(x[i], y[i]);
      };
    case Form::second_uniform:
      return [](char* out, const char* a, const char* b, const char*, int64_t count, int64_t) {
        const T *x = reinterpret_cast<const T*>(a), y = *reinterpret_cast<const T*>(b);
        for (int64_t i = 0; i < count; i++) reinterpret_cast<T*>(out)[i] = F::one(x[i], y);
      };
    case Form::first_uniform:
      return [](char* out, const char* a, const char* b, const char*, int64_t count, int64_t) {
        const T x = *reinterpret_cast<const T*>(a), *y = reinterpret_cast<const T*>(b);
        for (int64_t i = 0; i < count; i++) reinterpret_cast<T*>(out)[i] = F::one(x, y[i]);
      };
  }
  return nullptr;
}

}  // namespace phynexus::PHYNEXUS_ISA
