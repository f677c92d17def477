// Products, convolutions and their gradients on the emulator, each way to compute them, against loops in double or in
// integers that wrap around: random sizes, axes and strides, blocks of 64 and of 256 threads; the same bits from both,
// from threads that run in another order, and from all ways but tensor cores.
//   product_test ROUNDS: how many random problems (40)
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "problem.h"

using namespace phynexus;
using namespace phynexus::gpu;
using namespace phynexus::gpu::tests;

namespace {

std::mt19937 random_bits(11);
int64_t pick(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random_bits);
}

struct Way {
  const char* name;
  ProductChoice choice;
};

// All ways to compute a product of a dtype.
std::vector<Way> ways_of(int32_t dtype, bool image) {
  std::vector<Way> ways;
  const auto add = [&](const char* name, ProductWay way, Handler handler, int32_t m, int32_t n) {
    for (const int32_t splits : {1, 3})
      if (splits == 1 || way != ProductWay::units) ways.push_back({name, {way, handler, m, n, splits}});
  };
  add("lanes", ProductWay::lanes, handler_product_lanes, 1, 1);
  if (dtype == PHX_FLOAT32) {
    for (const auto& [m, n] : {std::pair(1, 1), {2, 2}, {4, 1}}) {
      add("units", ProductWay::units, handler_product_direct_image_f32, m, n);
      if (!image) add("units", ProductWay::units, handler_product_direct_f32, m, n);
    }
    add("large units", ProductWay::units, handler_product_direct_large_image_f32, 4, 4);
    if (!image) add("large units", ProductWay::units, handler_product_direct_large_f32, 4, 4);
    add("large", ProductWay::tiles, handler_product_f32_large, product_f32_large_m, product_f32_large_n);
    add("medium", ProductWay::tiles, handler_product_f32_medium, product_f32_medium_m, product_f32_medium_n);
    add("small", ProductWay::tiles, handler_product_f32_small, product_f32_small_m, product_f32_small_n);
    add("tf32", ProductWay::tiles, handler_product_tensor_tf32, product_tensor_m, product_tensor_n);
    add("as bf16", ProductWay::tiles, handler_product_tensor_as_bf16, product_tensor_m, product_tensor_n);
    return ways;
  }
  add("units", ProductWay::units, handler_product_direct_other, 1, 1);
  const Handler tile = dtype == PHX_FLOAT64    ? handler_product_f64
                       : dtype == PHX_FLOAT16  ? handler_product_f16
                       : dtype == PHX_BFLOAT16 ? handler_product_bf16
                       : dtype == PHX_INT64    ? handler_product_i64
                       : dtype == PHX_UINT8    ? handler_product_u8
                                               : handler_product_i32;
  add("tiles", ProductWay::tiles, tile, product_other_m, product_other_n);
  if (dtype == PHX_FLOAT16)
    add("tensor", ProductWay::tiles, handler_product_tensor_f16, product_tensor_m, product_tensor_n);
  if (dtype == PHX_BFLOAT16)
    add("tensor", ProductWay::tiles, handler_product_tensor_bf16, product_tensor_m, product_tensor_n);
  return ways;
}

// How float32 operands are rounded before they are multiplied: none, to 10 bits of fraction, to 7.
double rounded(double x, const std::string& way) {
  if (way == "tf32") return rounded_to_tf32(float(x));
  if (way == "as bf16") return widened(Narrowing<BFloat16>::of(float(x)));
  return x;
}

double tolerance(int32_t dtype) {
  switch (dtype) {
    case PHX_FLOAT32: return 3e-6;
    case PHX_FLOAT64: return 1e-14;
    case PHX_FLOAT16: return 1e-3;
    case PHX_BFLOAT16: return 8e-3;
    default: return 0;
  }
}

// One term: the places of its factors, and of the sum, in elements.
struct Term {
  int64_t out, a, b;
};

int failures = 0;

void check(const Problem& problem, const std::vector<Term>& terms, const std::string& what, bool image) {
  const int32_t dtype = problem.plan().values[0].dtype;
  const int64_t outs = problem.size(2);
  std::vector<char> exact;  // of the first way
  for (const Way& way : ways_of(dtype, image)) {
    std::vector<double> sums(size_t(outs), 0), sizes(size_t(outs), 0);
    std::vector<uint64_t> wrapped(size_t(outs), 0);
    for (const Term& t : terms) {
      const double x = rounded(problem.number(0, t.a), way.name) * rounded(problem.number(1, t.b), way.name);
      sums[size_t(t.out)] += x;
      sizes[size_t(t.out)] += std::abs(x);
      wrapped[size_t(t.out)] += problem.whole(0, t.a) * problem.whole(1, t.b);
    }
    std::vector<char> first;
    for (const int threads : {64, 256})
      for (const int schedule : {0, 2}) {
        std::vector<char> result =
            problem.run(threads, schedule, [&](Builder& builder, const phx_instruction& x) {
              std::vector<Product> products = x.opcode == PHX_DOT_GENERAL
                                                  ? std::vector{product_of_dot(builder, x)}
                                                  : products_of_convolution(builder, x);
              lower_products(builder, std::move(products), [&](const ProductSizes& s, int32_t, bool) {
                ProductChoice choice = way.choice;
                if (s.k < 8) choice.splits = 1;
                return choice;
              });
            });
        if (first.empty()) {
          first = result;
          if (!uses_tensor_cores(way.choice.handler)) {
            if (exact.empty()) exact = result;
            if (result != exact && failures++ < 20)
              std::printf("%s, %s in %d: other bits than the first way's, dtype %d\n", what.c_str(), way.name,
                          way.choice.splits, dtype);
          }
          std::vector<bool> written(size_t(outs), false);
          for (const int64_t place : problem.places(2)) {
            written[size_t(place)] = true;
            const double found = problem.number_in(result, dtype, place), expected = sums[size_t(place)];
            const double allowed =
                tolerance(dtype) * (sizes[size_t(place)] + (dtype > PHX_BFLOAT16 ? 0 : 1e-6));
            const bool fits = dtype > PHX_BFLOAT16
                                  ? problem.whole_in(result, place) == problem.cut(wrapped[size_t(place)])
                                  : std::abs(found - expected) <= allowed;
            if (!fits && failures++ < 20)
              std::printf("%s, %s in %d: %.9g instead of %.9g, dtype %d\n", what.c_str(), way.name,
                          way.choice.splits, found, expected, dtype);
          }
          for (int64_t place = 0; place < outs; place++)
            if (!written[size_t(place)] && !problem.untouched(result, place) && failures++ < 20)
              std::printf("%s, %s: wrote beside the output\n", what.c_str(), way.name);
        } else if (result != first && failures++ < 20) {
          std::printf("%s, %s: other bits with %d threads in order %d\n", what.c_str(), way.name, threads,
                      schedule);
        }
      }
  }
}

int32_t any_dtype() {
  static constexpr int32_t all[] = {PHX_FLOAT32,  PHX_FLOAT32, PHX_FLOAT32, PHX_FLOAT64, PHX_FLOAT16,
                                    PHX_BFLOAT16, PHX_INT32,   PHX_INT64,   PHX_UINT8,   PHX_UINT32};
  return all[size_t(pick(0, 9))];
}

std::vector<int64_t> shape_of(int64_t most_axes, int64_t most) {
  std::vector<int64_t> shape;
  for (int64_t count = pick(0, most_axes); count > 0; count--) shape.push_back(pick(1, most));
  return shape;
}

int64_t product_of(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t n : shape) count *= n;
  return count;
}

void a_dot() {
  const bool is_large = pick(0, 3) == 0;
  std::vector<int64_t> batch = shape_of(2, 3), m = shape_of(2, is_large ? 40 : 9),
                       n = shape_of(2, is_large ? 20 : 9), k = shape_of(2, is_large ? 12 : 40);
  if (pick(0, 30) == 0) k = {0};
  if (pick(0, 4) == 0) {  // more segments than lanes share
    batch = {};
    m = shape_of(1, 2);
    n = shape_of(1, 3);
    k = {pick(1050, 1100), 4};
  }
  if (product_of(batch) * product_of(m) * product_of(n) * product_of(k) > 400'000) return;
  const auto joined = [](std::initializer_list<const std::vector<int64_t>*> parts) {
    std::vector<int64_t> all;
    for (const auto* part : parts) all.insert(all.end(), part->begin(), part->end());
    return all;
  };
  Problem problem(random_bits, any_dtype(), PHX_DOT_GENERAL,
                  {int64_t(batch.size()), int64_t(m.size()), int64_t(n.size()), int64_t(k.size())},
                  {joined({&batch, &m, &k}), joined({&batch, &k, &n}), joined({&batch, &m, &n})});
  std::vector<Term> terms;
  const std::vector<int64_t> a = problem.places(0), b = problem.places(1), out = problem.places(2);
  const int64_t rows = product_of(m), columns = product_of(n), depth = product_of(k);
  for (int64_t o = 0; o < product_of(batch); o++)
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j++)
        for (int64_t l = 0; l < depth; l++)
          terms.push_back({out[size_t((o * rows + i) * columns + j)], a[size_t((o * rows + i) * depth + l)],
                           b[size_t((o * depth + l) * columns + j)]});
  check(problem, terms,
        format("dot %lld %lld %lld %lld", (long long)product_of(batch), (long long)rows, (long long)columns,
               (long long)depth),
        false);
}

void a_convolution() {
  const int32_t opcode = int32_t(pick(PHX_CONV_GENERAL, PHX_CONV_WEIGHT_GRADIENT));
  const std::vector<int64_t> batch = shape_of(1, 3);
  const int64_t images = pick(1, 3), channels = pick(1, 5), outs = pick(1, 6);
  int64_t size[2], kernel[2], stride[2], dilation[2], low[2], high[2], places[2];
  for (int d = 0; d < 2; d++) {
    do {
      size[d] = pick(1, 9);
      kernel[d] = pick(1, 4);
      stride[d] = pick(1, 3);
      dilation[d] = pick(1, 3);
      low[d] = pick(-1, 3);
      high[d] = pick(-1, 3);
      const int64_t room = size[d] + low[d] + high[d] - (kernel[d] - 1) * dilation[d] - 1;
      places[d] = room < 0 ? 0 : room / stride[d] + 1;
    } while (places[d] == 0);
  }
  const auto joined = [&](std::vector<int64_t> rest) {
    std::vector<int64_t> all = batch;
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  };
  const std::vector<int64_t> x = joined({images, channels, size[0], size[1]}),
                             w = joined({outs, channels, kernel[0], kernel[1]}),
                             y = joined({images, outs, places[0], places[1]});
  const bool input = opcode == PHX_CONV_INPUT_GRADIENT, weight = opcode == PHX_CONV_WEIGHT_GRADIENT;
  Problem problem(random_bits, any_dtype(), opcode,
                  {int64_t(batch.size()), stride[0], stride[1], low[0], high[0], low[1], high[1], dilation[0],
                   dilation[1]},
                  {input ? y : x, weight ? y : w,
                   input    ? x
                   : weight ? w
                            : y});
  const std::vector<int64_t> of[3] = {problem.places(0), problem.places(1), problem.places(2)};
  std::vector<Term> terms;
  for (int64_t b = 0; b < product_of(batch); b++)
    for (int64_t i = 0; i < images; i++)
      for (int64_t o = 0; o < outs; o++)
        for (int64_t h = 0; h < places[0]; h++)
          for (int64_t v = 0; v < places[1]; v++)
            for (int64_t c = 0; c < channels; c++)
              for (int64_t p = 0; p < kernel[0]; p++)
                for (int64_t q = 0; q < kernel[1]; q++) {
                  const int64_t down = h * stride[0] + p * dilation[0] - low[0],
                                right = v * stride[1] + q * dilation[1] - low[1];
                  if (down < 0 || down >= size[0] || right < 0 || right >= size[1]) continue;
                  const size_t at_x = size_t(((b * images + i) * channels + c) * size[0] * size[1] +
                                             down * size[1] + right),
                               at_w = size_t(((b * outs + o) * channels + c) * kernel[0] * kernel[1] +
                                             p * kernel[1] + q),
                               at_y = size_t(((b * images + i) * outs + o) * places[0] * places[1] +
                                             h * places[1] + v);
                  if (input) terms.push_back({of[2][at_x], of[0][at_y], of[1][at_w]});
                  else if (weight) terms.push_back({of[2][at_w], of[0][at_x], of[1][at_y]});
                  else terms.push_back({of[2][at_y], of[0][at_x], of[1][at_w]});
                }
  check(problem, terms,
        format("opcode %d, x %lldx%lldx%lldx%lld, kernel %lldx%lld, stride %lld %lld, dilation %lld %lld, "
               "low %lld %lld",
               opcode, (long long)images, (long long)channels, (long long)size[0], (long long)size[1],
               (long long)kernel[0], (long long)kernel[1], (long long)stride[0], (long long)stride[1],
               (long long)dilation[0], (long long)dilation[1], (long long)low[0], (long long)low[1]),
        true);
}

}  // namespace

int main(int count, char** words) {
  const int rounds = count > 1 ? std::atoi(words[1]) : 40;
  for (int round = 0; round < rounds; round++) {
    if (round % 2) a_convolution();
    else a_dot();
  }
  std::printf("%d rounds, %d failures\n", rounds, failures);
  return failures != 0;
}
