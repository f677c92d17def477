// Conversions, and filling a block with one element.
#include "elementwise.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

template <class T>
struct Limits;
template <>
struct Limits<int32_t> {
  static constexpr double low = -2147483648.0, high = 2147483648.0;
};
template <>
struct Limits<int64_t> {
  static constexpr double low = -0x1p63, high = 0x1p63;
};
template <>
struct Limits<uint8_t> {
  static constexpr double low = 0, high = 256;
};
template <>
struct Limits<uint32_t> {
  static constexpr double low = 0, high = 4294967296.0;
};

// A float becomes an integer by truncation; what is too large saturates, NaN gives 0.
template <class From, class To>
inline To convert(From x) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (!(x > From(Limits<To>::low))) return x != x ? To(0) : To(Limits<To>::low);
    if (x >= From(Limits<To>::high))
      return To(std::is_signed_v<To> ? ~(uint64_t(1) << (sizeof(To) * 8 - 1)) : ~uint64_t(0));
    return To(x);
  } else {
    return To(x);
  }
}

template <class From, class To>
void cast_kernel(char* out, const char* a, const char*, const char*, int64_t count, int64_t) {
  const From* x = reinterpret_cast<const From*>(a);
  To* o = reinterpret_cast<To*>(out);
  for (int64_t i = 0; i < count; i++) o[i] = convert<From, To>(x[i]);
}

template <class From>
void cast_to_bool(char* out, const char* a, const char*, const char*, int64_t count, int64_t) {
  const From* x = reinterpret_cast<const From*>(a);
  for (int64_t i = 0; i < count; i++) out[i] = x[i] != From(0);
}

template <class From>
ElementKernel cast_from(int32_t to) {
  switch (to) {
    case PHX_FLOAT32: return cast_kernel<From, float>;
    case PHX_FLOAT64: return cast_kernel<From, double>;
    case PHX_INT32: return cast_kernel<From, int32_t>;
    case PHX_INT64: return cast_kernel<From, int64_t>;
    case PHX_UINT8: return cast_kernel<From, uint8_t>;
    case PHX_UINT32: return cast_kernel<From, uint32_t>;
    case PHX_BOOL: return cast_to_bool<From>;
    default: return nullptr;
  }
}

template <class T>
void splat_kernel(char* out, const char* a, const char*, const char*, int64_t count, int64_t) {
  const T value = *reinterpret_cast<const T*>(a);
  T* o = reinterpret_cast<T*>(out);
  for (int64_t i = 0; i < count; i++) o[i] = value;
}

}  // namespace

ElementKernel cast_between(int32_t from, int32_t to) {
  switch (from) {
    case PHX_FLOAT32: return cast_from<float>(to);
    case PHX_FLOAT64: return cast_from<double>(to);
    case PHX_INT32: return cast_from<int32_t>(to);
    case PHX_INT64: return cast_from<int64_t>(to);
    case PHX_UINT8: return cast_from<uint8_t>(to);
    case PHX_UINT32: return cast_from<uint32_t>(to);
    case PHX_BOOL: return cast_from<uint8_t>(to);
    default: return nullptr;
  }
}

ElementKernel splat(int32_t item_bytes) {
  return item_bytes == 1   ? splat_kernel<uint8_t>
         : item_bytes == 4 ? splat_kernel<uint32_t>
                           : splat_kernel<uint64_t>;
}

}  // namespace phynexus::PHYNEXUS_ISA
