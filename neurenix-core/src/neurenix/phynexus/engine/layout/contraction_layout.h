// Sizes and strides of matrix products and convolutions, as numbers: no code, so that kernels of any instruction set
// may include it.
#pragma once

#include <cstdint>

namespace phynexus {

// out[b, i, j] = sum over k of lhs[b, i, k] * rhs[b, k, j]; strides in elements, any sign.
struct MatmulLayout {
  int64_t batch, m, n, k;
  int64_t lhs_batch, lhs_m, lhs_k;
  int64_t rhs_batch, rhs_k, rhs_n;
  int64_t out_batch, out_m, out_n;
};

// Axis order of each stride array: x [N, C, H, W], weight [O, C, KH, KW], out [N, O, OH, OW]. Elements, any sign.
struct ConvolutionLayout {
  int64_t images, in_channels, in_h, in_w;
  int64_t out_channels, kernel_h, kernel_w, out_h, out_w;
  int64_t stride_h, stride_w, pad_h, pad_w;  // pad: the low side; the high side follows
  int64_t dilation_h, dilation_w;
  int64_t x[4], weight[4], out[4];
};

}  // namespace phynexus
