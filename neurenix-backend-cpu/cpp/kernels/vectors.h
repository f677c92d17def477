// Vectors of the machine's width, and loads and stores of a part of one. A tail is loaded into a whole vector
// and goes through the same code as the body, so that an element's result does not depend on its place.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace phynexus::PHYNEXUS_ISA {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

template <class T, int N>
struct VectorOf {
  typedef T type __attribute__((vector_size(N * sizeof(T))));
};
template <class T, int N>
using Vector = typename VectorOf<T, N>::type;

template <class T>
inline constexpr int lanes = vector_bytes / int(sizeof(T));

template <int Bytes>
struct SignedOf;
template <>
struct SignedOf<1> {
  using type = int8_t;
};
template <>
struct SignedOf<4> {
  using type = int32_t;
};
template <>
struct SignedOf<8> {
  using type = int64_t;
};
template <class T>
using Signed = typename SignedOf<sizeof(T)>::type;

template <class T, int N>
inline Vector<T, N> load(const T* from) {
  Vector<T, N> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class T, int N>
inline void store(T* to, Vector<T, N> v) {
  std::memcpy(to, &v, sizeof v);
}

// `count` is in [1, N); the other lanes are 0.
template <class T, int N>
inline Vector<T, N> load_part(const T* from, int64_t count) {
  Vector<T, N> v{};
#if defined(__AVX512F__)
  const uint64_t mask = (uint64_t(1) << count) - 1;
  if constexpr (sizeof v == 64 && sizeof(T) == 4) {
    const __m512i raw = _mm512_maskz_loadu_epi32(__mmask16(mask), from);
    std::memcpy(&v, &raw, sizeof v);
    return v;
  } else if constexpr (sizeof v == 64 && sizeof(T) == 8) {
    const __m512i raw = _mm512_maskz_loadu_epi64(__mmask8(mask), from);
    std::memcpy(&v, &raw, sizeof v);
    return v;
  } else if constexpr (sizeof v == 64) {
    const __m512i raw = _mm512_maskz_loadu_epi8(__mmask64(mask), from);
    std::memcpy(&v, &raw, sizeof v);
    return v;
  } else if constexpr (sizeof v <= 16 && sizeof(T) == 1) {
    const __m128i raw = _mm_maskz_loadu_epi8(__mmask16(mask), from);
    std::memcpy(&v, &raw, sizeof v);
    return v;
  } else if constexpr (sizeof v == 32 && sizeof(T) == 4) {
    const __m256i raw = _mm256_maskz_loadu_epi32(__mmask8(mask), from);
    std::memcpy(&v, &raw, sizeof v);
    return v;
  }
#endif
  for (int i = 0; i < N; i++)
    if (i < count) v[i] = from[i];
  return v;
}

template <class T, int N>
inline void store_part(T* to, Vector<T, N> v, int64_t count) {
#if defined(__AVX512F__)
  const uint64_t mask = (uint64_t(1) << count) - 1;
  if constexpr (sizeof v == 64) {
    __m512i raw;
    std::memcpy(&raw, &v, sizeof v);
    if constexpr (sizeof(T) == 4) _mm512_mask_storeu_epi32(to, __mmask16(mask), raw);
    else if constexpr (sizeof(T) == 8) _mm512_mask_storeu_epi64(to, __mmask8(mask), raw);
    else _mm512_mask_storeu_epi8(to, __mmask64(mask), raw);
    return;
  } else if constexpr (sizeof v <= 16 && sizeof(T) == 1) {
    __m128i raw{};
    std::memcpy(&raw, &v, sizeof v);
    _mm_mask_storeu_epi8(to, __mmask16(mask), raw);
    return;
  } else if constexpr (sizeof v == 32 && sizeof(T) == 4) {
    __m256i raw;
    std::memcpy(&raw, &v, sizeof v);
    _mm256_mask_storeu_epi32(to, __mmask8(mask), raw);
    return;
  }
#endif
  for (int i = 0; i < N; i++)
    if (i < count) to[i] = v[i];
}

// Every lane the same. (A sum with 0 would lose the sign of -0.)
template <class T, int N>
inline Vector<T, N> uniform(T value) {
  return value - Vector<T, N>{};
}

// Between masks (all bits of a lane) and bools (a byte, 0 or 1). The compiler's own conversions go lane by
// lane.
template <class S, int N>
inline Vector<S, N> mask_of_bools(Vector<uint8_t, N> bools) {
#if defined(__AVX2__)
  if constexpr (sizeof(S) > 1 && sizeof(S) * N >= 32) {
    __m128i raw{};
    std::memcpy(&raw, &bools, sizeof bools);
    Vector<S, N> wide;
#if defined(__AVX512F__)
    // The forms without a mask make gcc 12 warn about its own header.
    const __m512i lanes =
        sizeof(S) == 4 ? _mm512_maskz_cvtepu8_epi32(0xffff, raw) : _mm512_maskz_cvtepu8_epi64(0xff, raw);
#else
    const __m256i lanes = sizeof(S) == 4 ? _mm256_cvtepu8_epi32(raw) : _mm256_cvtepu8_epi64(raw);
#endif
    static_assert(sizeof lanes == sizeof wide);
    std::memcpy(&wide, &lanes, sizeof wide);
    return wide != Vector<S, N>{};
  }
#endif
  return __builtin_convertvector(bools, Vector<S, N>) != Vector<S, N>{};
}

template <class S, int N>
inline Vector<uint8_t, N> bools_of_mask(Vector<S, N> mask) {
  Vector<uint8_t, N> bools;
#if defined(__AVX512F__)
  if constexpr (sizeof(S) > 1) {
    __m512i raw;
    std::memcpy(&raw, &mask, sizeof raw);
    const __m128i bytes =
        sizeof(S) == 4 ? _mm512_maskz_cvtepi32_epi8(0xffff, raw) : _mm512_maskz_cvtepi64_epi8(0xff, raw);
    std::memcpy(&bools, &bytes, sizeof bools);
    return bools & uint8_t(1);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(S) == 4) {
    __m128i half[2];
    std::memcpy(half, &mask, sizeof half);
    const __m128i words = _mm_packs_epi32(half[0], half[1]), bytes = _mm_packs_epi16(words, words);
    std::memcpy(&bools, &bytes, sizeof bools);
    return bools & uint8_t(1);
  }
#endif
  bools = __builtin_convertvector(mask, Vector<uint8_t, N>);
  return bools & uint8_t(1);
}

// The lanes of `v` through a function of one element.
template <class F, class T, int N>
inline Vector<T, N> each_lane(Vector<T, N> v, F f) {
  for (int i = 0; i < N; i++) v[i] = f(v[i]);
  return v;
}

// Calls body(index, part): whole vectors first with part = false, then what is left with part = true.
template <int N, class Body>
inline void for_vectors(int64_t count, Body body) {
  int64_t i = 0;
  for (; i + N <= count; i += N) body(i, std::false_type());
  if (i < count) body(i, std::true_type());
}

template <class T, int N, class Part>
inline Vector<T, N> fetch(const T* from, int64_t i, int64_t count, Part) {
  if constexpr (Part::value) return load_part<T, N>(from + i, count - i);
  else return load<T, N>(from + i);
}

template <class T, int N, class Part>
inline void put(T* to, Vector<T, N> v, int64_t i, int64_t count, Part) {
  if constexpr (Part::value) store_part<T, N>(to + i, v, count - i);
  else store<T, N>(to + i, v);
}

}  // namespace phynexus::PHYNEXUS_ISA
