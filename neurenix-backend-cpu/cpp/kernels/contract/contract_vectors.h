// Vectors for the matrix products and convolutions, of the instruction set that this translation unit is
// compiled for. Everything lives in that set's own namespace, so that the linker can never mix two builds of
// one function; for the same reason there is no function of std:: here.
#pragma once

#include <cstdint>
#include <utility>

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#define PHYNEXUS_INLINE inline __attribute__((always_inline))
#define PHYNEXUS_UNROLL _Pragma("GCC unroll 16")

namespace phynexus::PHYNEXUS_ISA::contract {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(vector_bytes)));
  typedef float unaligned __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(vector_bytes)));
  typedef double unaligned __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
};

template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr int lanes = vector_bytes / int(sizeof(T));

template <class T>
PHYNEXUS_INLINE Vector<T> load(const T* p) {
  return *reinterpret_cast<const typename VectorOf<T>::unaligned*>(p);
}
template <class T>
PHYNEXUS_INLINE void store(T* p, Vector<T> v) {
  *reinterpret_cast<typename VectorOf<T>::unaligned*>(p) = v;
}
// x - 0 is x for every x, so this is a broadcast alone; x + 0 would cost an addition (-0 + 0 is +0).
template <class T>
PHYNEXUS_INLINE Vector<T> broadcast(T x) {
  return x - Vector<T>{};
}

// The first `count` lanes, 0 <= count <= lanes<T>. Memory beyond them is neither read nor written.
#if defined(__AVX512F__)
template <class T>
struct Head {
  using Mask = uint32_t;
  Mask mask;
  PHYNEXUS_INLINE explicit Head(int64_t count) : mask((uint32_t(1) << count) - 1) {}
};
PHYNEXUS_INLINE Vector<float> load(const float* p, Head<float> h) {
  return _mm512_maskz_loadu_ps(__mmask16(h.mask), p);
}
PHYNEXUS_INLINE Vector<double> load(const double* p, Head<double> h) {
  return _mm512_maskz_loadu_pd(__mmask8(h.mask), p);
}
PHYNEXUS_INLINE void store(float* p, Vector<float> v, Head<float> h) {
  _mm512_mask_storeu_ps(p, __mmask16(h.mask), v);
}
PHYNEXUS_INLINE void store(double* p, Vector<double> v, Head<double> h) {
  _mm512_mask_storeu_pd(p, __mmask8(h.mask), v);
}

// Half a vector: a last vector that needs no more costs half as much where 512 bits are two of 256.
typedef float HalfFloats __attribute__((vector_size(32)));
typedef double HalfDoubles __attribute__((vector_size(32)));
PHYNEXUS_INLINE HalfFloats load_half(const float* p, Head<float> h) {
  return _mm256_maskz_loadu_ps(__mmask8(h.mask), p);
}
PHYNEXUS_INLINE HalfDoubles load_half(const double* p, Head<double> h) {
  return _mm256_maskz_loadu_pd(__mmask8(h.mask), p);
}
PHYNEXUS_INLINE void store_half(float* p, HalfFloats v, Head<float> h) {
  _mm256_mask_storeu_ps(p, __mmask8(h.mask), v);
}
PHYNEXUS_INLINE void store_half(double* p, HalfDoubles v, Head<double> h) {
  _mm256_mask_storeu_pd(p, __mmask8(h.mask), v);
}
PHYNEXUS_INLINE HalfFloats half_of(Vector<float> v) {
  return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
}
PHYNEXUS_INLINE HalfDoubles half_of(Vector<double> v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3); }
constexpr bool has_halves = true;
constexpr bool has_masks = true;  // cheap ones
#elif defined(__AVX2__)
template <class T>
struct Head {
  __m256i mask;
  PHYNEXUS_INLINE explicit Head(int64_t count) {
    if (sizeof(T) == 4)
      mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    else mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
  }
};
PHYNEXUS_INLINE Vector<float> load(const float* p, Head<float> h) { return _mm256_maskload_ps(p, h.mask); }
PHYNEXUS_INLINE Vector<double> load(const double* p, Head<double> h) { return _mm256_maskload_pd(p, h.mask); }
PHYNEXUS_INLINE void store(float* p, Vector<float> v, Head<float> h) { _mm256_maskstore_ps(p, h.mask, v); }
PHYNEXUS_INLINE void store(double* p, Vector<double> v, Head<double> h) { _mm256_maskstore_pd(p, h.mask, v); }
#else
template <class T>
struct Head {
  int count;
  PHYNEXUS_INLINE explicit Head(int64_t n) : count(int(n)) {}
};
template <class T>
PHYNEXUS_INLINE Vector<T> load(const T* p, Head<T> h) {
  Vector<T> v{};
  for (int i = 0; i < lanes<T>; i++)
    if (i < h.count) v[i] = p[i];
  return v;
}
template <class T>
PHYNEXUS_INLINE void store(T* p, Vector<T> v, Head<T> h) {
  for (int i = 0; i < lanes<T>; i++)
    if (i < h.count) p[i] = v[i];
}
#endif

#if !defined(__AVX512F__)
// Never called: where vectors are shorter a half is no cheaper.
template <class T>
PHYNEXUS_INLINE Vector<T> load_half(const T* p, Head<T> h) {
  return load(p, h);
}
template <class T>
PHYNEXUS_INLINE void store_half(T* p, Vector<T> v, Head<T> h) {
  store(p, v, h);
}
template <class V>
PHYNEXUS_INLINE V half_of(V v) {
  return v;
}
constexpr bool has_halves = false;
constexpr bool has_masks = false;
#endif

// Lanes 0, 2, 4, ... of two vectors one after the other.
template <class T, int... I>
PHYNEXUS_INLINE Vector<T> even_lanes(Vector<T> a, Vector<T> b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (2 * I)...);
}
template <class T>
PHYNEXUS_INLINE Vector<T> even_lanes(Vector<T> a, Vector<T> b) {
  return even_lanes<T>(a, b, std::make_integer_sequence<int, lanes<T>>());
}

PHYNEXUS_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
PHYNEXUS_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
PHYNEXUS_INLINE int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }
PHYNEXUS_INLINE int64_t round_up(int64_t a, int64_t b) { return ceil_divide(a, b) * b; }

// [0, total) cut into `count` parts that differ by at most one; one division for all of them.
struct Range {
  int64_t begin, end;
  PHYNEXUS_INLINE int64_t size() const { return end - begin; }
};
struct Parts {
  int64_t base, extra;
  PHYNEXUS_INLINE Parts(int64_t total, int64_t count)
      : base(count == 1 ? total : total / count), extra(total - base * count) {}
  PHYNEXUS_INLINE Range operator[](int64_t index) const {
    const int64_t begin = index * base + smaller(index, extra);
    return {begin, begin + base + (index < extra ? 1 : 0)};
  }
};
PHYNEXUS_INLINE Range part(int64_t total, int64_t count, int64_t index) { return Parts(total, count)[index]; }

}  // namespace phynexus::PHYNEXUS_ISA::contract
