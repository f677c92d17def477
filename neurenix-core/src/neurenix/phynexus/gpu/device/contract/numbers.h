// What products add in: halves in float32, integers without a sign, so that they wrap around.
#pragma once

#include "../numbers.h"

namespace phynexus::gpu {

template <class T>
struct SumOf {
  using Type = Computed<T>;
};
template <>
struct SumOf<uint8_t> {
  using Type = uint32_t;
};

// T is how products read a dtype, an integer without its sign.
template <class T>
DEVICE typename SumOf<T>::Type term_at(const char* place) {
  return typename SumOf<T>::Type(widened(*reinterpret_cast<const T*>(place)));
}
// The same of a tensor that lies in the device's memory, as those of a task may not.
template <class T>
DEVICE typename SumOf<T>::Type term_in_memory(const char* place) {
  return typename SumOf<T>::Type(widened(value_in_memory<T>(place)));
}
template <class T>
DEVICE void put_sum(char* place, typename SumOf<T>::Type sum) {
  *reinterpret_cast<T*>(place) = Narrowing<T>::of(Computed<T>(sum));
}

// sum + x * y, rounded once: by us, so that no compiler decides.
DEVICE float multiply_add(float x, float y, float sum) { return fmaf(x, y, sum); }
DEVICE double multiply_add(double x, double y, double sum) { return fma(x, y, sum); }
DEVICE uint32_t multiply_add(uint32_t x, uint32_t y, uint32_t sum) { return x * y + sum; }
DEVICE uint64_t multiply_add(uint64_t x, uint64_t y, uint64_t sum) { return x * y + sum; }

// f(T()) for a dtype.
template <class F>
DEVICE void with_product_type(int32_t dtype, const F& f) {
  switch (dtype) {
    case dtype_float32: return f(float());
    case dtype_float64: return f(double());
    case dtype_float16: return f(Float16());
    case dtype_bfloat16: return f(BFloat16());
    case dtype_int64: return f(uint64_t());
    case dtype_uint8: return f(uint8_t());
    default: return f(uint32_t());
  }
}

// As tensor cores take float32 for TF32: 10 bits of fraction, to the nearest, of two the one away from 0.
DEVICE float rounded_to_tf32(float x) {
#if defined(__CUDA_ARCH__)
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return float_of_bits(bits);
#else
  const uint32_t bits = bits_of_float(x);
  if ((bits & 0x7f800000u) == 0x7f800000u) return x;
  return float_of_bits((bits + 0x1000u) & ~0x1fffu);
#endif
}

}  // namespace phynexus::gpu
