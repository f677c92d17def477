// tanh_float (kernels/elementwise/math_float32.h), operation by operation.
#include <cstring>

#include "compute.h"
#include "lanes.h"

namespace phynexus::fused {

using namespace x86;

// Near 0 (`to`), and far from it, side by side: neither waits for the other.
void hyperbolic_tangent(Assembler& a, FreeRegisters& free, int to, int x) {
  const int r = free.take_vector(), g = free.take_vector(), power = free.take_vector(),
            s = free.take_vector(), square = free.take_vector(), low = free.take_vector(),
            mask = free.take_mask();
  if (free.ran_out()) return;
  const auto all = [&](float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return in_all_lanes(a, bits);
  };
  a.vpandd(r, x, in_all_lanes(a, 0x7fffffffu));
  a.vmovups(g, all(9.02f));
  a.vmulps(s, x, x);
  a.vminps(r, g, r);  // of NaN: NaN
  a.vmovups(power, all(2.88539008f));
  a.vfmadd213ps(power, r, all(12583039.f));
  a.vmovups(to, all(-5.70498872745e-3f));
  a.vfmadd213ps(to, s, all(2.06390887954e-2f));
  a.vsubps(g, power, all(12583039.f));
  a.vpslld(power, power, 23);
  a.vfnmadd231ps(r, g, all(0.34657359f));
  a.vfmadd213ps(to, s, all(-5.37397155531e-2f));
  a.vmulps(square, r, r);
  a.vmovups(g, all(1.33865300e-1f));
  a.vfmadd213ps(g, r, all(3.33337616e-1f));
  a.vfmadd213ps(to, s, all(1.33314422036e-1f));
  a.vfmadd231ps(g, square, all(4.44239817e-2f));
  a.vmovups(low, all(6.66661727e-1f));
  a.vfmadd213ps(low, r, all(9.99999963e-1f));
  a.vfmadd213ps(to, s, all(-3.33332819422e-1f));
  a.vfmadd213ps(g, square, low);
  a.vmulps(s, x, s);
  a.vmovups(low, all(0.5f));
  a.vfmadd213ps(low, power, all(0.5f));
  a.vfmadd213ps(g, square, r);
  a.vfmadd213ps(to, s, x);
  a.vfmadd231ps(low, g, power);
  a.vcmpps(mask, low, all(2.2451715f), Float::less);
  a.vmovups(g, all(1.f));
  a.vdivps(r, g, low);
  a.vsubps(r, g, r);
  select(a, to, r, to, mask);
  a.vpandd(g, x, in_all_lanes(a, 0x80000000u));
  a.vpor(to, to, g);
  for (const int number : {r, g, power, s, square, low}) free.give_vector(number);
  free.give_mask(mask);
}

}  // namespace phynexus::fused
