// Matrix products and convolutions of every instruction set that this machine has, against loops in double:
// random sizes and strides, the same bits from one thread and from two, nothing written but the result.
//   contract_test ROUNDS: how many random problems of each kind (60)
#include "../kernels/contract/contract.h"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace phynexus;

namespace {

struct Block {
  void* data = nullptr;
  ~Block() { std::free(data); }
  // A new block for every call, so that the sanitizer sees each one's exact end and any use after the next
  // call.
  void* renew(int64_t bytes) {
    std::free(data);
    data = nullptr;
    if (posix_memalign(&data, 64, size_t(bytes ? bytes : 1))) std::abort();
    std::memset(data, 0x7f, size_t(bytes));
    return data;
  }
};

struct TestTeam final : Team {
  explicit TestTeam(int threads) : threads(threads), own(size_t(threads)) {}
  void run(int64_t count, void (*work)(void*, int64_t, int), void* context) override {
    std::atomic<int64_t> next{0};
    auto loop = [&](int worker) {
      for (int64_t i; (i = next.fetch_add(1)) < count;) work(context, i, worker);
    };
    std::vector<std::thread> others;
    for (int w = 1; w < threads; w++) others.emplace_back(loop, w);
    loop(0);
    for (auto& t : others) t.join();
  }
  int workers() const override { return threads; }
  void* workspace(int worker, int64_t bytes) override { return own[size_t(worker)].renew(bytes); }
  void* shared_workspace(int64_t bytes) override { return shared.renew(bytes); }
  int threads;
  std::vector<Block> own;
  Block shared;
};

std::mt19937 random_bits(7);
int64_t pick(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random_bits);
}
template <class T>
T choose(std::initializer_list<T> values) {
  return values.begin()[pick(0, int64_t(values.size()) - 1)];
}

// An array with strides of any kind: axes in a random order, gaps, negative or (for operands) zero strides.
template <class T>
struct Array {
  std::vector<int64_t> shape, strides;
  std::unique_ptr<T[]> memory;
  int64_t size = 0, origin = 0;

  T* data() const { return memory.get() + origin; }
  static Array make(std::vector<int64_t> shape, std::vector<int> order, bool exotic, bool zero_allowed) {
    Array a;
    a.shape = shape;
    a.strides.assign(shape.size(), 0);
    int64_t step = exotic ? pick(1, 3) : 1, low = 0, high = 0;
    for (int i = int(shape.size()) - 1; i >= 0; i--) {
      const int axis = order[size_t(i)];
      const int64_t n = shape[size_t(axis)];
      int64_t stride = step;
      step *= n > 0 ? n : 1;
      if (exotic) step += pick(0, 2);
      if (exotic && pick(0, 5) == 0) stride = -stride;
      if (exotic && zero_allowed && pick(0, 9) == 0) stride = 0;
      a.strides[size_t(axis)] = stride;
      if (n > 1) (stride < 0 ? low : high) += stride * (n - 1);
    }
    a.size = high - low + 1;
    a.origin = -low;
    a.memory.reset(new T[size_t(a.size)]);
    for (int64_t i = 0; i < a.size; i++) a.memory[size_t(i)] = T(double(pick(-1000, 1000)) / 1000);
    return a;
  }
  T& at(int64_t i, int64_t j, int64_t k, int64_t l = 0) const {
    return data()[i * strides[0] + j * strides[1] + k * strides[2] +
                  (strides.size() > 3 ? l * strides[3] : 0)];
  }
};

struct Wanted {
  double value, scale;
};
int failures = 0;
int64_t checked = 0;

template <class T>
struct Entry;
template <>
struct Entry<float> {
  static auto matmul(const ContractKernels& k) { return k.matmul_f32; }
  static auto convolution(const ContractKernels& k, int which) {
    return which == 0   ? k.convolution_f32
           : which == 1 ? k.convolution_input_gradient_f32
                        : k.convolution_weight_gradient_f32;
  }
  static constexpr double tolerance = 1e-6;
};
template <>
struct Entry<double> {
  static auto matmul(const ContractKernels& k) { return k.matmul_f64; }
  static auto convolution(const ContractKernels& k, int which) {
    return which == 0   ? k.convolution_f64
           : which == 1 ? k.convolution_input_gradient_f64
                        : k.convolution_weight_gradient_f64;
  }
  static constexpr double tolerance = 2e-15;
};

struct Set {
  const char* name;
  const ContractKernels* kernels;
};
std::vector<Set> sets;

// Runs `call` for each instruction set with one and two threads, and compares with `want` over the whole
// result.
template <class T, class Call, class Want>
void check(const std::string& what, const Array<T>& out, const Call& call, const Want& want) {
  std::vector<T> before(out.memory.get(), out.memory.get() + out.size);
  std::vector<int64_t> s = out.shape;
  s.resize(4, 1);
  std::vector<Wanted> wanted;
  double terms = 1;
  for (int64_t a = 0; a < s[0]; a++)
    for (int64_t b = 0; b < s[1]; b++)
      for (int64_t c = 0; c < s[2]; c++)
        for (int64_t d = 0; d < s[3]; d++) wanted.push_back(want(a, b, c, d, terms));
  for (const Set& set : sets) {
    std::vector<T> first;
    for (int threads : {1, 2}) {
      std::memcpy(out.memory.get(), before.data(), before.size() * sizeof(T));
      TestTeam team(threads);
      call(*set.kernels, team);
      std::vector<T> got(out.memory.get(), out.memory.get() + out.size);
      if (threads == 1) first = got;
      else if (std::memcmp(first.data(), got.data(), got.size() * sizeof(T))) {
        failures++;
        std::printf("FAIL %s %s: one and two threads differ\n", set.name, what.c_str());
      }
      if (threads == 2) continue;
      std::vector<char> touched(size_t(out.size), 0);
      size_t i = 0;
      bool good = true;
      for (int64_t a = 0; a < s[0] && good; a++)
        for (int64_t b = 0; b < s[1] && good; b++)
          for (int64_t c = 0; c < s[2] && good; c++)
            for (int64_t d = 0; d < s[3] && good; d++, i++) {
              const T* p = &out.at(a, b, c, d);
              touched[size_t(p - out.memory.get())] = 1;
              const double error = std::fabs(double(*p) - wanted[i].value);
              if (!(error <= Entry<T>::tolerance * (wanted[i].scale * std::sqrt(terms) + 1e-30))) {
                good = false;
                failures++;
                std::printf("FAIL %s %s at %d %d %d %d: %.9g, not %.9g\n", set.name, what.c_str(), int(a),
                            int(b), int(c), int(d), double(*p), wanted[i].value);
              }
            }
      for (int64_t j = 0; j < out.size && good; j++)
        if (!touched[size_t(j)] && std::memcmp(&got[size_t(j)], &before[size_t(j)], sizeof(T))) {
          good = false;
          failures++;
          std::printf("FAIL %s %s: wrote outside the result\n", set.name, what.c_str());
        }
      checked++;
    }
  }
}

std::vector<int> shuffled(int n) {
  std::vector<int> order;
  for (int i = 0; i < n; i++) order.push_back(i);
  for (int i = n - 1; i > 0; i--) std::swap(order[size_t(i)], order[size_t(pick(0, i))]);
  return order;
}
// Mostly the usual layouts; sometimes anything.
std::vector<int> matrix_order(bool exotic) {
  if (exotic) return shuffled(3);
  return pick(0, 1) ? std::vector<int>{0, 1, 2} : std::vector<int>{0, 2, 1};
}

template <class T>
void test_matmul(int64_t batch, int64_t m, int64_t n, int64_t k, int kind) {
  const bool exotic = kind == 2;
  Array<T> lhs = Array<T>::make({batch, m, k}, matrix_order(exotic), exotic, true);
  Array<T> rhs = Array<T>::make({batch, k, n}, matrix_order(exotic), exotic, true);
  Array<T> out =
      Array<T>::make({batch, m, n}, kind ? matrix_order(exotic) : std::vector<int>{0, 1, 2}, exotic, false);
  if (kind == 1 && pick(0, 1)) rhs.strides[0] = 0;
  const MatmulProblem p{batch,
                        m,
                        n,
                        k,
                        lhs.strides[0],
                        lhs.strides[1],
                        lhs.strides[2],
                        rhs.strides[0],
                        rhs.strides[1],
                        rhs.strides[2],
                        out.strides[0],
                        out.strides[1],
                        out.strides[2]};
  char what[300];
  std::snprintf(what, sizeof what, "matmul%d b%d m%d n%d k%d lhs %d %d %d rhs %d %d %d out %d %d %d",
                int(sizeof(T)), int(batch), int(m), int(n), int(k), int(p.lhs_batch), int(p.lhs_m),
                int(p.lhs_k), int(p.rhs_batch), int(p.rhs_k), int(p.rhs_n), int(p.out_batch), int(p.out_m),
                int(p.out_n));
  check<T>(
      what, out,
      [&](const ContractKernels& kernels, Team& team) {
        Entry<T>::matmul(kernels)(p, lhs.data(), rhs.data(), out.data(), team);
      },
      [&](int64_t b, int64_t i, int64_t j, int64_t, double& terms) {
        Wanted w{0, 0};
        for (int64_t q = 0; q < k; q++) {
          const double v = double(lhs.at(b, i, q)) * double(rhs.at(b, q, j));
          w.value += v, w.scale += std::fabs(v);
        }
        terms = double(k > 0 ? k : 1);
        return w;
      });
}

template <class T>
void test_convolution(ConvolutionProblem p, int kind) {
  const bool exotic = kind == 2;
  const std::vector<int> last{0, 2, 3, 1}, first{0, 1, 2, 3};
  auto order = [&] { return exotic ? shuffled(4) : kind == 0 || pick(0, 2) ? last : first; };
  p.out_h =
      p.stride_h > 0 ? (p.in_h + 2 * p.pad_h - p.dilation_h * (p.kernel_h - 1) - 1) / p.stride_h + 1 : 0;
  p.out_w = (p.in_w + 2 * p.pad_w - p.dilation_w * (p.kernel_w - 1) - 1) / p.stride_w + 1;
  if (p.in_h + 2 * p.pad_h < p.dilation_h * (p.kernel_h - 1) + 1) p.out_h = 0;
  if (p.in_w + 2 * p.pad_w < p.dilation_w * (p.kernel_w - 1) + 1) p.out_w = 0;
  if (p.out_h > 1 && pick(0, 3) == 0) p.out_h--;  // a smaller padding on the high side
  if (pick(0, 5) == 0) p.out_w++;                 // a larger one
  const std::vector<int64_t> xs{p.images, p.in_channels, p.in_h, p.in_w},
      os{p.images, p.out_channels, p.out_h, p.out_w},
      ws{p.out_channels, p.in_channels, p.kernel_h, p.kernel_w};
  for (int which = 0; which < 3; which++) {
    Array<T> x = Array<T>::make(xs, order(), exotic, which != 1);
    Array<T> w = Array<T>::make(ws,
                                exotic       ? shuffled(4)
                                : pick(0, 2) ? first
                                             : std::vector<int>{2, 3, 1, 0},
                                exotic, which != 2);
    Array<T> o = Array<T>::make(os, order(), exotic, which != 0);
    std::copy(x.strides.begin(), x.strides.end(), p.x);
    std::copy(w.strides.begin(), w.strides.end(), p.weight);
    std::copy(o.strides.begin(), o.strides.end(), p.out);
    char what[300];
    std::snprintf(what, sizeof what,
                  "convolution%d.%d%s n%d c%d %dx%d o%d %dx%d k%dx%d s%d,%d p%d,%d d%d,%d x %d %d %d %d w %d "
                  "%d %d %d o %d %d %d %d",
                  int(sizeof(T)), which, p.winograd == ConvolutionProblem::where_possible ? " winograd" : "",
                  int(p.images), int(p.in_channels), int(p.in_h), int(p.in_w), int(p.out_channels),
                  int(p.out_h), int(p.out_w), int(p.kernel_h), int(p.kernel_w), int(p.stride_h),
                  int(p.stride_w), int(p.pad_h), int(p.pad_w), int(p.dilation_h), int(p.dilation_w),
                  int(p.x[0]), int(p.x[1]), int(p.x[2]), int(p.x[3]), int(p.weight[0]), int(p.weight[1]),
                  int(p.weight[2]), int(p.weight[3]), int(p.out[0]), int(p.out[1]), int(p.out[2]),
                  int(p.out[3]));
    auto add = [](Wanted& sum, double a, double b) { sum.value += a * b, sum.scale += std::fabs(a * b); };
    auto in_h = [&](int64_t oh, int64_t kh) { return oh * p.stride_h - p.pad_h + kh * p.dilation_h; };
    auto in_w = [&](int64_t ow, int64_t kw) { return ow * p.stride_w - p.pad_w + kw * p.dilation_w; };
    const double taps = double(p.kernel_h * p.kernel_w);
    // Winograd's algorithm rounds by the size of a whole tile, however few terms a result has.
    const double least_scale = p.winograd == ConvolutionProblem::where_possible ? 1 : 0;
    if (which == 0)
      check<T>(
          what, o,
          [&](const ContractKernels& k, Team& team) {
            Entry<T>::convolution(k, 0)(p, x.data(), w.data(), o.data(), team);
          },
          [&](int64_t n, int64_t c, int64_t oh, int64_t ow, double& terms) {
            Wanted sum{0, least_scale};
            for (int64_t i = 0; i < p.in_channels; i++)
              for (int64_t kh = 0; kh < p.kernel_h; kh++)
                for (int64_t kw = 0; kw < p.kernel_w; kw++) {
                  const int64_t h = in_h(oh, kh), v = in_w(ow, kw);
                  if (h >= 0 && h < p.in_h && v >= 0 && v < p.in_w)
                    add(sum, double(x.at(n, i, h, v)), double(w.at(c, i, kh, kw)));
                }
            terms = taps * double(p.in_channels) + 1;
            return sum;
          });
    else if (which == 1)
      check<T>(
          what, x,
          [&](const ContractKernels& k, Team& team) {
            Entry<T>::convolution(k, 1)(p, o.data(), w.data(), x.data(), team);
          },
          [&](int64_t n, int64_t i, int64_t h, int64_t v, double& terms) {
            Wanted sum{0, least_scale};
            for (int64_t kh = 0; kh < p.kernel_h; kh++)
              for (int64_t kw = 0; kw < p.kernel_w; kw++)
                for (int64_t oh = 0; oh < p.out_h; oh++) {
                  if (in_h(oh, kh) != h) continue;
                  for (int64_t ow = 0; ow < p.out_w; ow++)
                    if (in_w(ow, kw) == v)
                      for (int64_t c = 0; c < p.out_channels; c++)
                        add(sum, double(o.at(n, c, oh, ow)), double(w.at(c, i, kh, kw)));
                }
            terms = taps * double(p.out_channels) + 1;
            return sum;
          });
    else
      check<T>(
          what, w,
          [&](const ContractKernels& k, Team& team) {
            Entry<T>::convolution(k, 2)(p, x.data(), o.data(), w.data(), team);
          },
          [&](int64_t c, int64_t i, int64_t kh, int64_t kw, double& terms) {
            Wanted sum{0, least_scale};
            for (int64_t n = 0; n < p.images; n++)
              for (int64_t oh = 0; oh < p.out_h; oh++) {
                const int64_t h = in_h(oh, kh);
                if (h < 0 || h >= p.in_h) continue;
                for (int64_t ow = 0; ow < p.out_w; ow++) {
                  const int64_t v = in_w(ow, kw);
                  if (v >= 0 && v < p.in_w) add(sum, double(x.at(n, i, h, v)), double(o.at(n, c, oh, ow)));
                }
              }
            terms = double(p.images * p.out_h * p.out_w) + 1;
            return sum;
          });
  }
}

ConvolutionProblem square(int64_t images, int64_t in, int64_t size, int64_t out, int64_t stride,
                          int64_t kernel = 3, int64_t pad = 1) {
  ConvolutionProblem p{};
  p.images = images, p.in_channels = in, p.in_h = p.in_w = size, p.out_channels = out,
  p.kernel_h = p.kernel_w = kernel;
  p.stride_h = p.stride_w = stride, p.pad_h = p.pad_w = pad, p.dilation_h = p.dilation_w = 1;
  return p;
}

// Winograd's algorithm on all that it is possible for: odd sizes, paddings beyond the kernel, channels that
// fill no vector, several panels and parts of the depth.
void test_winograd(int rounds, int kind) {
  for (auto p : {square(3, 64, 14, 64, 1), square(2, 130, 5, 37, 1), square(2, 20, 6, 140, 1, 3, 0),
                 square(1, 3, 1, 5, 1), square(30, 33, 7, 31, 1, 3, 2)}) {
    p.winograd = ConvolutionProblem::where_possible;
    test_convolution<float>(p, kind);
  }
  for (int i = 0; i < rounds; i++) {
    ConvolutionProblem p = square(pick(1, 9), choose<int64_t>({1, 2, 7, 8, 9, 16, 20, 33, 65}), pick(1, 13),
                                  choose<int64_t>({1, 2, 5, 16, 17, 31, 48, 66}), 1, 3, pick(0, 4));
    p.in_w = pick(1, 20), p.pad_w = pick(0, 4);
    p.winograd = ConvolutionProblem::where_possible;
    test_convolution<float>(p, kind);
  }
}

template <class T>
void test_all(int rounds) {
  for (int kind = 0; kind < 3; kind++) {
    const int64_t sizes[][4] = {{4, 10, 40, 40},    {2, 10, 40, 1},     {3, 40, 40, 10}, {3, 10, 1, 40},
                                {2, 25, 64, 64},    {2, 5, 5, 64},      {2, 5, 64, 5},   {1, 1, 40, 40},
                                {1, 40, 1, 40},     {5, 1, 1, 70},      {1, 70, 1, 1},   {1, 1, 70, 1},
                                {3, 7, 9, 0},       {0, 3, 3, 3},       {2, 0, 3, 3},    {2, 3, 0, 3},
                                {1, 150, 150, 300}, {2, 100, 130, 140}, {1, 37, 37, 37}, {1, 200, 16, 300},
                                {20, 33, 65, 50},   {1, 96, 257, 129},  {30, 64, 64, 64}};
    for (auto& s : sizes)
      for (int repeat = 0; repeat < 3; repeat++) test_matmul<T>(s[0], s[1], s[2], s[3], kind);
    for (int i = 0; i < rounds; i++) test_matmul<T>(pick(1, 4), pick(1, 50), pick(1, 90), pick(1, 70), kind);

    const ConvolutionProblem shapes[] = {
        square(5, 1, 28, 64, 2),     square(5, 64, 14, 64, 2),     square(5, 64, 7, 64, 2),
        square(5, 64, 4, 64, 2),     square(25, 64, 4, 64, 2),     square(3, 64, 14, 64, 1),
        square(7, 64, 7, 64, 1),     square(40, 32, 3, 32, 1),     square(2, 3, 20, 37, 1),
        square(2, 37, 9, 37, 1),     square(3, 5, 11, 6, 2, 5, 2), square(2, 16, 8, 130, 1, 1, 0),
        square(0, 4, 5, 6, 1),       square(2, 0, 5, 6, 1),        square(2, 4, 1, 6, 3),
        square(1, 4, 2, 3, 1, 5, 1), square(2, 70, 6, 70, 3, 2, 0)};
    for (auto& p : shapes) test_convolution<T>(p, kind);
    if (sizeof(T) == 4) test_winograd(rounds, kind);
    for (int i = 0; i < rounds; i++) {
      ConvolutionProblem p{};
      p.images = pick(1, 9), p.in_channels = choose<int64_t>({1, 2, 3, 7, 8, 9, 16, 20, 33}),
      p.out_channels = choose<int64_t>({1, 2, 5, 16, 17, 31, 48, 66});
      p.in_h = pick(1, 12), p.in_w = pick(1, 20), p.kernel_h = pick(1, 4), p.kernel_w = pick(1, 4);
      p.stride_h = pick(1, 3), p.stride_w = pick(1, 3), p.pad_h = pick(0, 3), p.pad_w = pick(0, 3);
      p.dilation_h = pick(1, 2), p.dilation_w = pick(1, 2);
      test_convolution<T>(p, kind);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 60;
  sets.push_back({"portable", &portable::contract_kernels});
#if defined(PHYNEXUS_X86_KERNELS)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    sets.push_back({"avx2", &avx2::contract_kernels});
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    sets.push_back({"avx512", &avx512::contract_kernels});
#endif
  test_all<float>(rounds);
  test_all<double>(rounds / 3);
  std::printf("%lld results of %d instruction sets checked, %d failures\n", (long long)checked,
              int(sets.size()), failures);
  return failures != 0;
}
