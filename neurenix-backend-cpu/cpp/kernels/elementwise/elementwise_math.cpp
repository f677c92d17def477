// Transcendental kernels: float32 by our own vector code, float64 by libm.
#include <cmath>

#include "elementwise.h"
#include "math_float32.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

template <Floats (*F)(Floats)>
void float_kernel(char* out, const char* a, const char*, const char*, int64_t count, int64_t) {
  constexpr int N = float_lanes;
  const float* x = reinterpret_cast<const float*>(a);
  float* o = reinterpret_cast<float*>(out);
  for_vectors<N>(count, [&](int64_t i, auto part) {
    put<float, N>(o, F(fetch<float, N>(x, i, count, part)), i, count, part);
  });
}

struct Power {
  template <class T, int N>
  static Floats apply(Floats a, Floats b) {
    return pow_float(a, b);
  }
};
struct Angle {
  static float one(float a, float b) { return ::atan2f(a, b); }
  static double one(double a, double b) { return ::atan2(a, b); }
};
struct LibraryPower {
  static double one(double a, double b) { return ::pow(a, b); }
};

template <double (*F)(double)>
void double_kernel(char* out, const char* a, const char*, const char*, int64_t count, int64_t) {
  const double* x = reinterpret_cast<const double*>(a);
  double* o = reinterpret_cast<double*>(out);
  for (int64_t i = 0; i < count; i++) o[i] = F(x[i]);
}

}  // namespace

ElementKernel math_float32(int32_t opcode) {
  switch (opcode) {
    case PHX_EXP: return float_kernel<exp_float>;
    case PHX_LOG: return float_kernel<log_float>;
    case PHX_LOG1P: return float_kernel<log1p_float>;
    case PHX_SIN: return float_kernel<sin_float>;
    case PHX_COS: return float_kernel<cos_float>;
    case PHX_TAN: return float_kernel<tan_float>;
    case PHX_ATAN: return float_kernel<atan_float>;
    case PHX_TANH: return float_kernel<tanh_float>;
    case PHX_ERF: return float_kernel<erf_float>;
    default: return nullptr;
  }
}

ElementKernel math_float32_binary(int32_t opcode, Form form) {
  if (opcode == PHX_POW) return binary_form<Power, float>(form);
  return opcode == PHX_ATAN2 ? scalar_binary_form<Angle, float>(form) : nullptr;
}

ElementKernel math_float64(int32_t opcode) {
  switch (opcode) {
    case PHX_EXP: return double_kernel<::exp>;
    case PHX_LOG: return double_kernel<::log>;
    case PHX_LOG1P: return double_kernel<::log1p>;
    case PHX_SIN: return double_kernel<::sin>;
    case PHX_COS: return double_kernel<::cos>;
    case PHX_TAN: return double_kernel<::tan>;
    case PHX_ATAN: return double_kernel<::atan>;
    case PHX_TANH: return double_kernel<::tanh>;
    case PHX_ERF: return double_kernel<::erf>;
    default: return nullptr;
  }
}

ElementKernel math_float64_binary(int32_t opcode, Form form) {
  if (opcode == PHX_POW) return scalar_binary_form<LibraryPower, double>(form);
  return opcode == PHX_ATAN2 ? scalar_binary_form<Angle, double>(form) : nullptr;
}

}  // namespace phynexus::PHYNEXUS_ISA
