// Checks matrix products and convolutions: axes that belong together have one size.
#include "check.h"

namespace phynexus {

void check_dot(const Plan& plan, const Instruction& x) {
  expect_operands(x, 2, 1);
  const auto [batch, m, n, k] = read_params<Dot>(plan, x);
  for (const int64_t count : {batch, m, n, k})
    require(count >= 0 && count <= PHX_MAX_RANK, "a negative number of axes");
  const Value &lhs = plan.input(x, 0), &rhs = plan.input(x, 1), &out = plan.output(x, 0);
  if (lhs.rank != batch + m + k || rhs.rank != batch + k + n || out.rank != batch + m + n)
    refuse("ranks do not fit the numbers of axes");
  expect_axes(lhs, 0, rhs, 0, batch, "batch");
  expect_axes(lhs, 0, out, 0, batch + m, "batch or m");
  expect_axes(rhs, 0, out, 0, batch, "batch");
  expect_axes(lhs, batch + m, rhs, batch, k, "k");
  expect_axes(rhs, batch + k, out, batch + m, n, "n");
  expect_same_dtype(plan, x);
}

void check_convolution(const Plan& plan, const Instruction& x) {
  expect_operands(x, 2, 1);
  const Convolution p = read_params<Convolution>(plan, x);
  const bool weights = x.opcode == PHX_CONV_WEIGHT_GRADIENT, inputs = x.opcode == PHX_CONV_INPUT_GRADIENT;
  const Value& image = inputs ? plan.output(x, 0) : plan.input(x, 0);
  const Value& weight = weights ? plan.output(x, 0) : plan.input(x, 1);
  const Value& out = inputs ? plan.input(x, 0) : (weights ? plan.input(x, 1) : plan.output(x, 0));
  const int64_t b = p.batch;
  require(b >= 0 && b <= PHX_MAX_RANK - 4, "its number of batch axes is not in 0 .. 4");
  if (image.rank != b + 4 || weight.rank != b + 4 || out.rank != b + 4)
    refuse("ranks do not fit the batch axes");
  expect_axes(image, 0, weight, 0, b, "batch");
  expect_axes(image, 0, out, 0, b + 1, "batch or image");
  if (weight.shape[b + 1] != image.shape[b + 1] || weight.shape[b] != out.shape[b + 1])
    refuse("channels differ: x " + shape_text(image) + ", w " + shape_text(weight) + ", out " +
           shape_text(out));
  constexpr int64_t limit = int64_t(1) << 30;
  const auto absurd = [](int64_t number) { return number <= -limit || number >= limit; };
  for (size_t d = 0; d < 2; d++) {
    const int64_t axis = b + 2 + int64_t(d);
    const int64_t stride = p.stride[d], dilation = p.dilation[d], low = p.padding[d][0],
                  high = p.padding[d][1];
    require(!absurd(stride) && !absurd(dilation) && !absurd(low) && !absurd(high),
            "a stride, padding or dilation is absurd");
    require(stride >= 1 && dilation >= 1, "stride and dilation must be at least 1");
    const int64_t kernel = weight.shape[axis], size = image.shape[axis];
    require(kernel < limit && size < limit, "an image or kernel is absurdly large");
    const int64_t room = size + low + high - (kernel - 1) * dilation - 1;
    const int64_t expected = kernel < 1 || room < 0 ? 0 : room / stride + 1;
    if (kernel > 0 && out.shape[axis] != expected)
      refuse(format("the output has %lld positions along axis %lld, and should have %lld",
                    (long long)out.shape[axis], (long long)axis, (long long)expected));
  }
  expect_same_dtype(plan, x);
}

}  // namespace phynexus
