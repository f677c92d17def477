// dot_general and the convolutions with any number of axes and any strides, against plain loops.
#include <cmath>

#include "plan_builder.h"

namespace engine_test {
namespace {

Shape shape_of(int64_t most_rank, int64_t most) {
  Shape shape;
  for (int64_t d = pick(0, most_rank); d > 0; d--) shape.push_back(pick(0, 20) == 0 ? 0 : pick(1, most));
  return shape;
}
Shape joined(std::initializer_list<Shape> parts) {
  Shape all;
  for (const Shape& p : parts) all.insert(all.end(), p.begin(), p.end());
  return all;
}

struct Operand {
  phx_value view;
  Bytes bytes;
  double operator()(const Shape& index) const { return get(bytes.data(), view.dtype, at(view, index)); }
};
Operand operand(int32_t dtype, const Shape& shape, bool input, int32_t index) {
  Shape strides;
  int64_t offset;
  const int64_t bytes = random_layout(shape, dtype, input, strides, offset);
  Operand x{value(dtype, shape, strides, input ? PHX_INPUT : PHX_OUTPUT, index, bytes ? offset : 0),
            Bytes(size_t(bytes))};
  for (int64_t i = 0; i < bytes / size_of(dtype); i++)
    set(x.bytes.data(), dtype, i, dtype == PHX_INT32 ? double(pick(-9, 9)) : normal());
  return x;
}
void run_one(int32_t opcode, Operand& a, Operand& b, Operand& out, const std::vector<int64_t>& params,
             int threads) {
  Builder builder;
  builder.add(opcode, {a.view, b.view}, {&out.view}, params);
  builder.region(2, 1, 0);
  builder.input_bytes = {int64_t(a.bytes.size()), int64_t(b.bytes.size())};
  builder.output_bytes = {int64_t(out.bytes.size())};
  std::vector<Bytes> in{a.bytes, b.bytes}, result{out.bytes};
  CHECK(run(builder, in, result, threads), "%s", api().last_error());
  out.bytes = result[0];
}

void dots(int threads) {
  static const int32_t kinds[] = {PHX_FLOAT32, PHX_FLOAT32, PHX_FLOAT64, PHX_INT32};
  const int32_t dtype = kinds[pick(0, 3)];
  const int64_t most = pick(0, 5) == 0 ? 40 : 5;
  const Shape b = shape_of(2, 3), m = shape_of(2, most), n = shape_of(2, most), k = shape_of(2, most);
  Operand lhs = operand(dtype, joined({b, m, k}), true, 0), rhs = operand(dtype, joined({b, k, n}), true, 1);
  Operand out = operand(dtype, joined({b, m, n}), false, 0);
  run_one(PHX_DOT_GENERAL, lhs, rhs, out,
          {int64_t(b.size()), int64_t(m.size()), int64_t(n.size()), int64_t(k.size())}, threads);
  if (count_of(joined({b, m, n, k})) > 300000) return;
  each_index(joined({b, m, n}), [&](const Shape& i) {
    const Shape ib(i.begin(), i.begin() + int64_t(b.size())), in(i.end() - int64_t(n.size()), i.end());
    const Shape im(i.begin() + int64_t(b.size()), i.end() - int64_t(n.size()));
    double sum = 0, size = 1e-6;
    each_index(k, [&](const Shape& j) {
      const double term = lhs(joined({ib, im, j})) * rhs(joined({ib, j, in}));
      sum += term, size += std::fabs(term);
    });
    CHECK(std::fabs(out(i) - sum) < 1e-5 * size, "dot %g %g", out(i), sum);
  });
}

void convolutions(int threads) {
  const int32_t dtype = pick(0, 3) ? PHX_FLOAT32 : PHX_FLOAT64;
  const Shape b = shape_of(1, 3);
  const int64_t images = pick(1, 4), channels = pick(1, 6), filters = pick(1, 6), kh = pick(1, 3),
                kw = pick(1, 3);
  const int64_t sh = pick(1, 2), sw = pick(1, 2), dh = pick(1, 2), dw = pick(1, 2);
  const int64_t pads[4] = {pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2)};
  const int64_t h = (kh - 1) * dh + pick(1, 7), w = (kw - 1) * dw + pick(1, 7);
  const int64_t oh = (h + pads[0] + pads[1] - (kh - 1) * dh - 1) / sh + 1;
  const int64_t ow = (w + pads[2] + pads[3] - (kw - 1) * dw - 1) / sw + 1;
  const std::vector<int64_t> params{int64_t(b.size()), sh, sw, pads[0], pads[1], pads[2], pads[3], dh, dw};
  const Shape xs = joined({b, {images, channels, h, w}}), ws = joined({b, {filters, channels, kh, kw}}),
              os = joined({b, {images, filters, oh, ow}});
  const int which = int(pick(0, 2));
  Operand x = operand(dtype, xs, which != 1, 0), weight = operand(dtype, ws, which != 2, 1),
          out = operand(dtype, os, which != 0, which == 1 ? 0 : 1);
  if (which == 0) out.view.index = 0;
  if (which == 1) x.view.index = 0;
  if (which == 2) weight.view.index = 0;
  // Plain loops over all pairs; each gives its product to one of the three.
  Operand& result = which == 0 ? out : which == 1 ? x : weight;
  std::map<Shape, double> want;
  each_index(which == 0 ? os : which == 1 ? xs : ws, [&](const Shape& i) { want[i] = 0; });
  each_index(os, [&](const Shape& i) {
    const Shape ib(i.begin(), i.begin() + int64_t(b.size()));
    const int64_t* o = &i[b.size()];
    each_index({channels, kh, kw}, [&](const Shape& c) {
      const int64_t y = o[2] * sh + c[1] * dh - pads[0], z = o[3] * sw + c[2] * dw - pads[2];
      if (y < 0 || y >= h || z < 0 || z >= w) return;
      const Shape ix = joined({ib, {o[0], c[0], y, z}}), iw = joined({ib, {o[1], c[0], c[1], c[2]}});
      if (which == 0) want[i] += x(ix) * weight(iw);
      if (which == 1) want[ix] += out(i) * weight(iw);
      if (which == 2) want[iw] += x(ix) * out(i);
    });
  });
  if (which == 0) run_one(PHX_CONV_GENERAL, x, weight, out, params, threads);
  if (which == 1) run_one(PHX_CONV_INPUT_GRADIENT, out, weight, x, params, threads);
  if (which == 2) run_one(PHX_CONV_WEIGHT_GRADIENT, x, out, weight, params, threads);
  for (const auto& [i, sum] : want)
    CHECK(std::fabs(result(i) - sum) < 1e-4 * (1 + std::fabs(sum)), "convolution %d: %g %g", which, result(i),
          sum);
}

}  // namespace

void test_contractions() {
  for (int round = 0; round < 500 && !failures; round++) {
    dots(round % 2 + 1);
    convolutions(round % 2 + 1);
  }
}

}  // namespace engine_test
