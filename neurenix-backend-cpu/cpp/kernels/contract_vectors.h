// Vectors for the matrix products and convolutions, of the instruction set that this translation unit is compiled
// for. Everything lives in that set's own namespace, so that the linker can never mix two builds of one function; for
// the same reason there is no std:: here.
#pragma once

#include <cstdint>

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
// x - 0 is x for every x, so the compiler emits a broadcast alone; x + 0 would cost an addition (-0 + 0 is +0).
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
PHYNEXUS_INLINE Vector<float> load(const float* p, Head<float> h) { return _mm512_maskz_loadu_ps(__mmask16(h.mask), p); }
PHYNEXUS_INLINE Vector<double> load(const double* p, Head<double> h) { return _mm512_maskz_loadu_pd(__mmask8(h.mask), p); }
PHYNEXUS_INLINE void store(float* p, Vector<float> v, Head<float> h) { _mm512_mask_storeu_ps(p, __mmask16(h.mask), v); }
PHYNEXUS_INLINE void store(double* p, Vector<double> v, Head<double> h) { _mm512_mask_storeu_pd(p, __mmask8(h.mask), v); }
#elif defined(__AVX2__)
template <class T>
struct Head {
  __m256i mask;
  PHYNEXUS_INLINE explicit Head(int64_t count) {
    if (sizeof(T) == 4)
      mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    else
      mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
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

PHYNEXUS_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
PHYNEXUS_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
PHYNEXUS_INLINE int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }
PHYNEXUS_INLINE int64_t round_up(int64_t a, int64_t b) { return ceil_divide(a, b) * b; }

// Part `index` of [0, total) cut into `parts` that differ by at most one.
struct Range {
  int64_t begin, end;
  PHYNEXUS_INLINE int64_t size() const { return end - begin; }
};
PHYNEXUS_INLINE Range part(int64_t total, int64_t parts, int64_t index) {
  const int64_t base = total / parts, extra = total % parts;
  const int64_t begin = index * base + smaller(index, extra);
  return {begin, begin + base + (index < extra ? 1 : 0)};
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
