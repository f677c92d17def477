// The transforms of Winograd's F(2x2, 3x3): along one axis, two outputs y of a kernel g of three taps over
// four inputs d are
//   y = A^T ((G g) * (B^T d)),   four multiplications in place of six,
// and along both axes sixteen in place of thirty-six. Signs are chosen so that no transform has to negate.
// Each function does one axis of a square, over vectors of channels.
#pragma once

#include "contract_vectors.h"

namespace phynexus::PHYNEXUS_ISA::contract {

constexpr int winograd_points = 16;  // of a transformed tile: 4 by 4

using Floats = Vector<float>;

// B^T d
PHYNEXUS_INLINE void source_points(Floats& d0, Floats& d1, Floats& d2, Floats& d3) {
  const Floats p0 = d0 - d2, p1 = d1 + d2, p2 = d2 - d1, p3 = d3 - d1;
  d0 = p0, d1 = p1, d2 = p2, d3 = p3;
}
// A^T m
PHYNEXUS_INLINE void result_of_points(Floats m0, Floats m1, Floats m2, Floats m3, Floats& y0, Floats& y1) {
  y0 = m0 + m1 + m2, y1 = m1 - m2 + m3;
}
// A y
PHYNEXUS_INLINE void points_of_result(Floats y0, Floats y1, Floats& m0, Floats& m1, Floats& m2, Floats& m3) {
  m0 = y0, m1 = y0 + y1, m2 = y0 - y1, m3 = y1;
}
// G g
PHYNEXUS_INLINE void points_of_taps(Floats g0, Floats g1, Floats g2, Floats& u0, Floats& u1, Floats& u2,
                                    Floats& u3) {
  const Floats outer = 0.5f * (g0 + g2), middle = 0.5f * g1;
  u0 = g0, u1 = outer + middle, u2 = outer - middle, u3 = g2;
}
// G^T u
PHYNEXUS_INLINE void taps_of_points(Floats u0, Floats u1, Floats u2, Floats u3, Floats& g0, Floats& g1,
                                    Floats& g2) {
  const Floats outer = 0.5f * (u1 + u2);
  g0 = u0 + outer, g1 = 0.5f * (u1 - u2), g2 = outer + u3;
}

// The same along both axes.
PHYNEXUS_INLINE void result_of_points(const Floats m[4][4], Floats y[2][2]) {
  Floats half[2][4];
  PHYNEXUS_UNROLL for (int j = 0; j < 4; j++)
      result_of_points(m[0][j], m[1][j], m[2][j], m[3][j], half[0][j], half[1][j]);
  PHYNEXUS_UNROLL for (int i = 0; i < 2; i++)
      result_of_points(half[i][0], half[i][1], half[i][2], half[i][3], y[i][0], y[i][1]);
}
PHYNEXUS_INLINE void points_of_result(const Floats y[2][2], Floats m[4][4]) {
  Floats half[4][2];
  PHYNEXUS_UNROLL for (int j = 0; j < 2; j++)
      points_of_result(y[0][j], y[1][j], half[0][j], half[1][j], half[2][j], half[3][j]);
  PHYNEXUS_UNROLL for (int i = 0; i < 4; i++)
      points_of_result(half[i][0], half[i][1], m[i][0], m[i][1], m[i][2], m[i][3]);
}
PHYNEXUS_INLINE void points_of_taps(const Floats g[3][3], Floats u[4][4]) {
  Floats half[4][3];
  PHYNEXUS_UNROLL for (int j = 0; j < 3; j++)
      points_of_taps(g[0][j], g[1][j], g[2][j], half[0][j], half[1][j], half[2][j], half[3][j]);
  PHYNEXUS_UNROLL for (int i = 0; i < 4; i++)
      points_of_taps(half[i][0], half[i][1], half[i][2], u[i][0], u[i][1], u[i][2], u[i][3]);
}
PHYNEXUS_INLINE void taps_of_points(const Floats u[4][4], Floats g[3][3]) {
  Floats half[3][4];
  PHYNEXUS_UNROLL for (int j = 0; j < 4; j++)
      taps_of_points(u[0][j], u[1][j], u[2][j], u[3][j], half[0][j], half[1][j], half[2][j]);
  PHYNEXUS_UNROLL for (int i = 0; i < 3; i++)
      taps_of_points(half[i][0], half[i][1], half[i][2], half[i][3], g[i][0], g[i][1], g[i][2]);
}

// step(channel, head): for each vector of `channels`; `head` is null but for a last one that is not whole.
template <class Step>
PHYNEXUS_INLINE void for_channel_vectors(int64_t channels, const Step& step) {
  int64_t c = 0;
  for (; c + lanes<float> <= channels; c += lanes<float>) step(c, nullptr);
  if (c < channels) {
    const Head<float> head(channels - c);
    step(c, &head);
  }
}
PHYNEXUS_INLINE Floats load_some(const float* p, const Head<float>* head) {
  return head ? load(p, *head) : load(p);
}
PHYNEXUS_INLINE void store_some(float* p, Floats v, const Head<float>* head) {
  head ? store(p, v, *head) : store(p, v);
}

}  // namespace phynexus::PHYNEXUS_ISA::contract
