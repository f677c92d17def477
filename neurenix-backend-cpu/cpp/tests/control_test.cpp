// call, scan and map.
#include <cmath>

#include "plan_builder.h"

namespace engine_test {
namespace {

constexpr int32_t f32 = PHX_FLOAT32;
const std::vector<int64_t> add_params(int64_t n) { return {1, 1, 0, 1, n, PHX_ADD, f32, 0, 1, -1, 0, 2, 0}; }
const std::vector<int64_t> mul_params(int64_t n) { return {1, 1, 0, 1, n, PHX_MUL, f32, 0, 1, -1, 0, 2, 0}; }

Bytes floats(int64_t n, double (*f)(int64_t)) {
  Bytes bytes(size_t(n) * 4);
  for (int64_t i = 0; i < n; i++) set(bytes.data(), f32, i, f(i));
  return bytes;
}

// region: (a, b) -> (a + b) * b, through scratch; called twice: ((a+b)*b + b) * b
void calls() {
  const int64_t n = 5;
  Builder b;
  const phx_value x = dense(f32, {n}, PHX_INPUT, 0), y = dense(f32, {n}, PHX_INPUT, 1),
                  t = dense(f32, {n}, PHX_SCRATCH);
  const phx_value o = dense(f32, {n}, PHX_OUTPUT, 0);
  b.add(PHX_FUSED, {x, y}, {&t}, add_params(n));
  b.add(PHX_FUSED, {t, y}, {&o}, mul_params(n));
  const int32_t inner = b.region(2, 1, 64);
  const phx_value middle = dense(f32, {n}, PHX_SCRATCH, 0, 64);
  b.add(PHX_CALL, {x, y}, {&middle}, {128}, inner);
  b.add(PHX_CALL, {middle, y}, {&o}, {128}, inner);
  b.region(2, 1, 192);
  b.input_bytes = {n * 4, n * 4};
  b.output_bytes = {n * 4};
  std::vector<Bytes> in{floats(n, [](int64_t i) { return double(i); }),
                        floats(n, [](int64_t i) { return 0.5 * double(i) - 1; })};
  std::vector<Bytes> out{Bytes(size_t(n) * 4)};
  CHECK(run(b, in, out), "%s", api().last_error());
  for (int64_t i = 0; i < n; i++) {
    const double p = double(i), q = 0.5 * p - 1;
    CHECK(std::fabs(get(out[0].data(), f32, i) - ((p + q) * q + q) * q) < 1e-5, "call");
  }
}

// carry' = carry * w + x, y = carry + x, with everything that may be asked for.
void scans(bool reverse, bool saved, bool last, bool ys, int64_t length) {
  const int64_t n = 3;
  Builder b;
  const phx_value w = dense(f32, {n}, PHX_INPUT, 0), c = dense(f32, {n}, PHX_INPUT, 1),
                  x = dense(f32, {n}, PHX_INPUT, 2);
  const phx_value c_out = dense(f32, {n}, PHX_OUTPUT, 0), y_out = dense(f32, {n}, PHX_OUTPUT, 1);
  b.add(PHX_FUSED, {c, x}, {&y_out}, add_params(n));
  b.add(PHX_FUSED, {c, w, x}, {&c_out},
        {2, 1, 0, 1, n, PHX_MUL, f32, 0, 1, -1, 0, PHX_ADD, f32, 3, 2, -1, 0, 4, 0});
  const int32_t body = b.region(3, 2, 0);
  const phx_value xs = dense(f32, {length, n}, PHX_INPUT, 2);
  const phx_value o0 = dense(f32, {n}, PHX_OUTPUT, 0), o1 = dense(f32, {length, n}, PHX_OUTPUT, 1),
                  o2 = dense(f32, {length, n}, PHX_OUTPUT, 2);
  b.add(PHX_SCAN, {w, c, xs}, {last ? &o0 : nullptr, ys ? &o1 : nullptr, saved ? &o2 : nullptr},
        {0, length, 1, 1, 1, 1, reverse, 0, 64}, body);
  b.region(3, 3, 128);
  b.input_bytes = {n * 4, n * 4, length * n * 4};
  b.output_bytes = {n * 4, length * n * 4, length * n * 4};
  std::vector<Bytes> in{floats(n, [](int64_t i) { return 0.5 + 0.1 * double(i); }),
                        floats(n, [](int64_t i) { return double(i); }),
                        floats(length * n, [](int64_t i) { return std::sin(double(i)); })};
  std::vector<Bytes> out{Bytes(size_t(n) * 4), Bytes(size_t(length * n) * 4), Bytes(size_t(length * n) * 4)};
  CHECK(run(b, in, out), "%s", api().last_error());
  for (int64_t i = 0; i < n; i++) {
    double carry = get(in[1].data(), f32, i);
    for (int64_t k = 0; k < length; k++) {
      const int64_t e = (reverse ? length - 1 - k : k) * n + i;
      if (saved) CHECK(std::fabs(get(out[2].data(), f32, e) - carry) < 1e-5, "saved");
      const double input = get(in[2].data(), f32, e);
      if (ys) CHECK(std::fabs(get(out[1].data(), f32, e) - (carry + input)) < 1e-5, "y");
      carry = float(float(carry * get(in[0].data(), f32, i)) + input);
    }
    if (last) CHECK(std::fabs(get(out[0].data(), f32, i) - carry) < 1e-5, "last carry");
  }
}

// (shared s[n], x[n]) -> stacked s * x, summed s * x, and an output that nobody reads; nested once more if
// asked.
std::vector<Bytes> maps(int64_t iterations, int64_t chunk, int threads, bool nested, int64_t n) {
  Builder b;
  const phx_value s = dense(f32, {n}, PHX_INPUT, 0), x = dense(f32, {n}, PHX_INPUT, 1);
  const phx_value o0 = dense(f32, {n}, PHX_OUTPUT, 0), o1 = dense(f32, {n}, PHX_OUTPUT, 1),
                  o2 = dense(f32, {n}, PHX_OUTPUT, 2);
  b.add(PHX_FUSED, {s, x}, {&o0, &o1, &o2}, {1, 3, 0, 1, n, PHX_MUL, f32, 0, 1, -1, 0, 2, 0, 2, 0, 2, 0});
  int32_t body = b.region(2, 3, 0);
  const int64_t inner = 3;
  Shape shape{n};
  if (nested) {
    const phx_value xs = dense(f32, {inner, n}, PHX_INPUT, 1),
                    stacked = dense(f32, {inner, n}, PHX_OUTPUT, 0);
    const phx_value more = dense(f32, {inner, n}, PHX_OUTPUT, 2);
    b.add(PHX_MAP, {s, xs}, {&stacked, &o1, &more}, {inner, 0, 0, 1, 0, 1, 0}, body);
    body = b.region(2, 3, 0);
    shape = {inner, n};
  }
  Shape mapped{iterations};
  mapped.insert(mapped.end(), shape.begin(), shape.end());
  const phx_value xs = dense(f32, mapped, PHX_INPUT, 1), stacked = dense(f32, mapped, PHX_OUTPUT, 0);
  // The sum goes to strided memory: every second element.
  const phx_value summed = value(f32, {n}, {2}, PHX_OUTPUT, 1), tight = dense(f32, {n}, PHX_SCRATCH, 0, 0);
  b.add(PHX_MAP, {s, xs}, {&stacked, &tight, nullptr}, {iterations, chunk, 0, 1, 0, 1, 0}, body);
  b.add(PHX_COPY, {tight}, {&summed}, {});
  b.region(2, 2, (n * 4 + 63) / 64 * 64);
  const int64_t total = count_of(mapped);
  b.input_bytes = {n * 4, total * 4};
  b.output_bytes = {total * 4, (2 * n - 1) * 4};
  std::vector<Bytes> in{floats(n, [](int64_t i) { return 0.3 + 0.01 * double(i % 100); }),
                        floats(total, [](int64_t i) { return std::sin(double(i)); })};
  std::vector<Bytes> out{Bytes(size_t(total) * 4), Bytes(size_t(2 * n - 1) * 4)};
  CHECK(run(b, in, out, threads), "%s", api().last_error());
  for (int64_t e = 0; e < total; e++)
    CHECK(get(out[0].data(), f32, e) == float(get(in[0].data(), f32, e % n) * get(in[1].data(), f32, e)),
          "stacked");
  if (nested) return out;
  for (int64_t i = 0; i < n; i++) {  // the sum in the order that phynexus.h states
    std::vector<std::pair<int, float>> stack;
    for (int64_t k = 0; k < iterations; k++) {
      std::pair<int, float> term{0, float(get(out[0].data(), f32, k * n + i))};
      while (!stack.empty() && stack.back().first == term.first) {
        term = {term.first + 1, stack.back().second + term.second};
        stack.pop_back();
      }
      stack.push_back(term);
    }
    float sum = 0;
    if (!stack.empty()) {
      sum = stack.back().second;
      for (size_t k = stack.size() - 1; k-- > 0;) sum = stack[k].second + sum;
    }
    CHECK(float(get(out[1].data(), f32, 2 * i)) == sum, "summed");
  }
  return out;
}

}  // namespace

void test_control() {
  calls();
  for (int flags = 0; flags < 16; flags++)
    for (int64_t length : {0, 1, 2, 5}) scans(flags & 1, flags & 2, flags & 4, flags & 8, length);
  for (int64_t iterations : {0, 1, 2, 3, 4, 7, 8, 33})
    for (bool nested : {false, true})
      for (int64_t n : {1, 6, 1000, 40000}) {
        if (n > 1000 && (nested || iterations > 7)) continue;
        const auto first = maps(iterations, 0, 1, nested, n);
        for (int threads : {1, 2, 3})
          for (int64_t chunk : {0, 1, 2, 5, 100})
            CHECK(maps(iterations, chunk, threads, nested, n) == first, "threads or chunks change a map");
      }
}

}  // namespace engine_test
