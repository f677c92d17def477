// PHX_CONV_GENERAL and its gradients as products over an image, whose rows are places, whose columns are channels.
#include <algorithm>
#include <numeric>
#include <tuple>

#include "../../../engine/failure.h"
#include "product.h"

namespace phynexus::gpu {
namespace {

// The operands of a convolution and its gradients; axes [batch.., N, C, H, W], [batch.., O, C, KH, KW] and
// [batch.., N, O, OH, OW].
struct Operands {
  const phx_value &x, &weight, &out;
  Convolution params;
  int batch;
  int64_t at(const phx_value& value, int axis) const { return value.shape[batch + axis]; }
  int64_t stride(const phx_value& value, int axis) const { return value.strides[batch + axis]; }
};

// One value takes the product's output, one its `a`, which is the image, and one its `b`.
Product began(const Builder& builder, const Operands& c, const phx_value& out, const phx_value& a,
              const phx_value& b) {
  Product p{.dtype = out.dtype, .out = builder.place(out), .a = builder.place(a), .b = builder.place(b)};
  for (int d = 0; d < c.batch; d++)
    p.batch.push_back({out.shape[d], out.strides[d], a.strides[d], b.strides[d]});
  p.image = true;
  return p;
}

Product forward(const Builder& builder, const Operands& c) {
  Product p = began(builder, c, c.out, c.x, c.weight);
  const auto& [stride, padding, dilation] = std::tie(c.params.stride, c.params.padding, c.params.dilation);
  p.height = c.at(c.x, 2);
  p.width = c.at(c.x, 3);
  p.h = -padding[0][0];
  p.w = -padding[1][0];
  p.a.offset += (p.h * c.stride(c.x, 2) + p.w * c.stride(c.x, 3)) * item_bytes(p.dtype);
  p.m = {
      {.size = c.at(c.out, 0), .out = c.stride(c.out, 0), .a = c.stride(c.x, 0)},
      {.size = c.at(c.out, 2), .out = c.stride(c.out, 2), .a = stride[0] * c.stride(c.x, 2), .h = stride[0]},
      {.size = c.at(c.out, 3), .out = c.stride(c.out, 3), .a = stride[1] * c.stride(c.x, 3), .w = stride[1]}};
  p.n = {{.size = c.at(c.out, 1), .out = c.stride(c.out, 1), .b = c.stride(c.weight, 0)}};
  p.k = {{.size = c.at(c.x, 1), .a = c.stride(c.x, 1), .b = c.stride(c.weight, 1)},
         {.size = c.at(c.weight, 2),
          .a = dilation[0] * c.stride(c.x, 2),
          .b = c.stride(c.weight, 2),
          .h = dilation[0]},
         {.size = c.at(c.weight, 3),
          .a = dilation[1] * c.stride(c.x, 3),
          .b = c.stride(c.weight, 3),
          .w = dilation[1]}};
  return p;
}

// The columns are the output's channels, so that the rows, places in the kernel, and the terms share the image.
Product weight_gradient(const Builder& builder, const Operands& c) {
  Product p = began(builder, c, c.weight, c.x, c.out);
  const auto& [stride, padding, dilation] = std::tie(c.params.stride, c.params.padding, c.params.dilation);
  p.height = c.at(c.x, 2);
  p.width = c.at(c.x, 3);
  p.h = -padding[0][0];
  p.w = -padding[1][0];
  p.a.offset += (p.h * c.stride(c.x, 2) + p.w * c.stride(c.x, 3)) * item_bytes(p.dtype);
  p.m = {{.size = c.at(c.x, 1), .out = c.stride(c.weight, 1), .a = c.stride(c.x, 1)},
         {.size = c.at(c.weight, 2),
          .out = c.stride(c.weight, 2),
          .a = dilation[0] * c.stride(c.x, 2),
          .h = dilation[0]},
         {.size = c.at(c.weight, 3),
          .out = c.stride(c.weight, 3),
          .a = dilation[1] * c.stride(c.x, 3),
          .w = dilation[1]}};
  p.n = {{.size = c.at(c.out, 1), .out = c.stride(c.weight, 0), .b = c.stride(c.out, 1)}};
  p.k = {
      {.size = c.at(c.out, 0), .a = c.stride(c.x, 0), .b = c.stride(c.out, 0)},
      {.size = c.at(c.out, 2), .a = stride[0] * c.stride(c.x, 2), .b = c.stride(c.out, 2), .h = stride[0]},
      {.size = c.at(c.out, 3), .a = stride[1] * c.stride(c.x, 3), .b = c.stride(c.out, 3), .w = stride[1]}};
  return p;
}

// The places of x that lie at `first` plus a multiple of the stride, and the places of the kernel that reach them: a
// convolution whose stride is 1. For place q of x and place j of the kernel, the output's is `start` + q - j * step.
struct Residue {
  int64_t first = 0, places = 0;            // of x
  int64_t tap = 0, tap_step = 1, taps = 0;  // of the kernel
  int64_t start = 0, step = 1;
};

std::vector<Residue> residues(int64_t size, int64_t kernel, int64_t stride, int64_t padding,
                              int64_t dilation) {
  std::vector<Residue> all;
  const int64_t common = std::gcd(stride, dilation), period = stride / common;
  for (int64_t first = 0; first < std::min(stride, size); first++) {
    Residue r;
    r.first = first;
    r.places = (size - first + stride - 1) / stride;
    r.tap_step = period;
    r.step = dilation / common;
    const auto remainder = [&](int64_t tap) {
      return ((first + padding - tap * dilation) % stride + stride) % stride;
    };
    while (r.tap < period && remainder(r.tap)) r.tap++;
    r.taps = r.tap < period && r.tap < kernel ? (kernel - r.tap + period - 1) / period : 0;
    r.start = r.taps ? (first + padding - r.tap * dilation) / stride : 0;
    all.push_back(r);
  }
  return all;
}

std::vector<Product> input_gradient(const Builder& builder, const Operands& c) {
  std::vector<Product> all;
  const auto& [stride, padding, dilation] = std::tie(c.params.stride, c.params.padding, c.params.dilation);
  const int64_t bytes = item_bytes(c.x.dtype);
  for (const Residue& down : residues(c.at(c.x, 2), c.at(c.weight, 2), stride[0], padding[0][0], dilation[0]))
    for (const Residue& right :
         residues(c.at(c.x, 3), c.at(c.weight, 3), stride[1], padding[1][0], dilation[1])) {
      Product p = began(builder, c, c.x, c.out, c.weight);
      p.height = c.at(c.out, 2);
      p.width = c.at(c.out, 3);
      p.h = down.start;
      p.w = right.start;
      p.out.offset += (down.first * c.stride(c.x, 2) + right.first * c.stride(c.x, 3)) * bytes;
      p.a.offset += (p.h * c.stride(c.out, 2) + p.w * c.stride(c.out, 3)) * bytes;
      p.b.offset += (down.tap * c.stride(c.weight, 2) + right.tap * c.stride(c.weight, 3)) * bytes;
      p.m = {{.size = c.at(c.x, 0), .out = c.stride(c.x, 0), .a = c.stride(c.out, 0)},
             {.size = down.places, .out = stride[0] * c.stride(c.x, 2), .a = c.stride(c.out, 2), .h = 1},
             {.size = right.places, .out = stride[1] * c.stride(c.x, 3), .a = c.stride(c.out, 3), .w = 1}};
      p.n = {{.size = c.at(c.x, 1), .out = c.stride(c.x, 1), .b = c.stride(c.weight, 1)}};
      p.k = {{.size = c.at(c.out, 1), .a = c.stride(c.out, 1), .b = c.stride(c.weight, 0)},
             {.size = down.taps,
              .a = -down.step * c.stride(c.out, 2),
              .b = down.tap_step * c.stride(c.weight, 2),
              .h = -down.step},
             {.size = right.taps,
              .a = -right.step * c.stride(c.out, 3),
              .b = right.tap_step * c.stride(c.weight, 3),
              .w = -right.step}};
      all.push_back(std::move(p));
    }
  return all;
}

}  // namespace

std::vector<Product> products_of_convolution(const Builder& builder, const phx_instruction& instruction) {
  const Plan& plan = builder.plan;
  const phx_value &first = plan.input(instruction, 0), &second = plan.input(instruction, 1),
                  &result = plan.output(instruction, 0);
  const Convolution params = read_params<Convolution>(plan, instruction);
  const int batch = int(params.batch);
  switch (instruction.opcode) {
    case PHX_CONV_INPUT_GRADIENT: return input_gradient(builder, {result, second, first, params, batch});
    case PHX_CONV_WEIGHT_GRADIENT: return {weight_gradient(builder, {first, result, second, params, batch})};
    default: return {forward(builder, {first, second, result, params, batch})};
  }
}

void lower_convolution(Builder& builder, const phx_instruction& instruction) {
  if (builder.plan.input(instruction, 0).dtype == PHX_BOOL) lack("a convolution of bool");
  lower_products(builder, products_of_convolution(builder, instruction));
}

}  // namespace phynexus::gpu
