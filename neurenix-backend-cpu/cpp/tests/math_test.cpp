// Errors of the float32 functions in units of the last place, and their special values.
#include <cmath>

#include "plan_builder.h"

namespace engine_test {
namespace {

std::vector<float> apply(int64_t opcode, std::vector<float> x, std::vector<float> y = {}) {
  Builder b;
  const int64_t n = int64_t(x.size());
  const int inputs = y.empty() ? 1 : 2;
  std::vector<phx_value> in{dense(PHX_FLOAT32, {n}, PHX_INPUT, 0)};
  if (inputs == 2) in.push_back(dense(PHX_FLOAT32, {n}, PHX_INPUT, 1));
  const phx_value out = dense(PHX_FLOAT32, {n}, PHX_OUTPUT);
  b.add(PHX_FUSED, in, {&out},
        {1, 1, 0, 1, n, opcode, PHX_FLOAT32, 0, inputs == 2 ? 1 : -1, -1, 0, inputs, 0});
  b.region(inputs, 1, 0);
  b.input_bytes.assign(size_t(inputs), n * 4);
  b.output_bytes = {n * 4};
  std::vector<Bytes> from, to{Bytes(size_t(n) * 4)};
  for (const auto* v : {&x, &y})
    if (!v->empty())
      from.emplace_back(reinterpret_cast<const char*>(v->data()),
                        reinterpret_cast<const char*>(v->data() + n));
  CHECK(run(b, from, to), "%s", api().last_error());
  std::vector<float> result(static_cast<size_t>(n));
  std::memcpy(result.data(), to[0].data(), size_t(n) * 4);
  return result;
}

double ulps(float got, double want) {
  if (want != want) return got != got ? 0 : 1e9;
  const float rounded = float(want);
  if (got == rounded) return 0;
  if (std::isinf(rounded) || std::isinf(got))
    return std::fabs(want) > 3.4028e38 && std::fabs(double(got)) > 3.4028e38 ? 1 : 1e9;
  const float magnitude = std::max(std::fabs(rounded), 1.17549435e-38f);
  const double unit = double(std::nextafter(magnitude, INFINITY)) - double(magnitude);
  return std::fabs(double(got) - want) / unit;
}

struct Function {
  const char* name;
  int64_t opcode;
  double (*want)(double);
  double most;
};

}  // namespace

void test_math() {
  static const Function functions[] = {
      {"exp", PHX_EXP, std::exp, 2},
      {"log", PHX_LOG, std::log, 2},
      {"log1p", PHX_LOG1P, std::log1p, 3},
      {"sin", PHX_SIN, std::sin, 2},
      {"cos", PHX_COS, std::cos, 2},
      {"tan", PHX_TAN, std::tan, 3.6},  // 3.52 without fused multiply-adds
      {"atan", PHX_ATAN, std::atan, 3},
      {"tanh", PHX_TANH, std::tanh, 3},
      {"erf", PHX_ERF, std::erf, 3},
      {"sqrt", PHX_SQRT, std::sqrt, 0.51},
      {"rsqrt", PHX_RSQRT, [](double x) { return 1 / std::sqrt(x); }, 1.6},
  };
  std::vector<float> x;
  for (uint32_t bits = 0; bits < 0xff800000u; bits += 5003) {  // every kind of float: denormals, huge, NaN
    float f;
    std::memcpy(&f, &bits, 4);
    x.push_back(f);
  }
  for (int i = 0; i < 200000; i++) x.push_back(float(normal() * 4));
  for (float f : {0.f, -0.f, INFINITY, -INFINITY, NAN, 1.f, -1.f, 88.7f, 88.8f, -87.4f, -103.9f, -104.f, 1e5f,
                  99999.f, 1e-45f})
    x.push_back(f);
  for (const Function& f : functions) {
    const std::vector<float> y = apply(f.opcode, x);
    double worst = 0;
    float where = 0;
    for (size_t i = 0; i < x.size(); i++) {
      const double error = ulps(y[i], f.want(double(x[i])));
      if (error > worst) worst = error, where = x[i];
    }
    std::printf("  %-6s %.2f ulp at %.9g\n", f.name, worst, double(where));
    CHECK(worst <= f.most, "%s", f.name);
    // The same in a tail as in a body.
    for (size_t n : {size_t(1), size_t(5), size_t(17), size_t(40)}) {
      const std::vector<float> part(x.end() - int64_t(n), x.end()), z = apply(f.opcode, part);
      CHECK(std::memcmp(z.data(), &y[x.size() - n], n * 4) == 0, "%s: a tail of %zu differs", f.name, n);
    }
  }
  std::vector<float> a, b;
  for (float p : {0.f, -0.f, 1.f, -1.f, 2.f, -2.f, 0.5f, INFINITY, -INFINITY, NAN, 1e-40f, 3e38f, 1.0001f})
    for (float q : {0.f, -0.f, 1.f, -1.f, 2.f, 3.f, -3.f, 0.5f, 1e9f, INFINITY, -INFINITY, NAN})
      a.push_back(p), b.push_back(q);
  for (int i = 0; i < 100000; i++)
    a.push_back(float(std::exp(normal() * 3))), b.push_back(float(normal() * 5));
  const std::vector<float> power = apply(PHX_POW, a, b), angle = apply(PHX_ATAN2, a, b);
  double worst = 0;
  for (size_t i = 0; i < a.size(); i++) {
    worst = std::max(worst, ulps(power[i], std::pow(double(a[i]), double(b[i]))));
    CHECK(ulps(angle[i], std::atan2(double(a[i]), double(b[i]))) < 3, "atan2");
  }
  std::printf("  pow    %.2f ulp\n", worst);
  CHECK(worst < 1.5, "pow");
}

}  // namespace engine_test
