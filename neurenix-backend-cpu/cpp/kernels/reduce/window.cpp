// The largest (or smallest) of a window's elements, for many neighbours at once: max-pooling with channels fastest.
#include "../elementwise/elementwise.h"

namespace phynexus::PHYNEXUS_ISA {
namespace {

constexpr int64_t block = 64;

// A NaN wins over every number.
template <class T, bool largest>
void choose(char* out, const char* in, const int64_t* offsets, int64_t positions, int64_t count) {
  T best[block];
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t here = count - begin < block ? count - begin : block;
    const T* first = reinterpret_cast<const T*>(in + offsets[0]) + begin;
    for (int64_t c = 0; c < here; c++) best[c] = first[c];
    for (int64_t p = 1; p < positions; p++) {
      const T* x = reinterpret_cast<const T*>(in + offsets[p]) + begin;
      for (int64_t c = 0; c < here; c++) {
        const T now = best[c], next = x[c];
        const bool take = (largest ? next > now : next < now) | ((next != next) & (now == now));
        best[c] = take ? next : now;
      }
    }
    std::memcpy(reinterpret_cast<T*>(out) + begin, best, size_t(here) * sizeof(T));
  }
}

}  // namespace

WindowKernel window(int32_t dtype, bool largest) {
  if (dtype == PHX_FLOAT32) return largest ? choose<float, true> : choose<float, false>;
  if (dtype == PHX_FLOAT64) return largest ? choose<double, true> : choose<double, false>;
  return nullptr;
}

}  // namespace phynexus::PHYNEXUS_ISA
