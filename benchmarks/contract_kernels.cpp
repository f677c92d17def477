// GFLOP/s of the CPU engine's matrix products and convolutions on one core, and their share of the measured
// peak. Operations are the nominal ones, 2 m n k, with padding counted (so skipping it can show more than the
// peak).
//   neurenix-backend-cpu/cpp/tests/contract_test.sh BUILD        # builds the kernels of all instruction sets
//   there g++ -std=c++20 -O3 -ffp-contract=fast benchmarks/contract_kernels.cpp BUILD/*.o
//   neurenix-backend-cpu/cpp/codegen/x86/{product_code,code_memory}.cpp -o BUILD/contract_kernels
// Arguments: the instruction set (avx512, avx2, portable), then words that a line's name must contain.
// NEURENIX_CPU_WINOGRAD=0 measures all convolutions as plain sums.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "../neurenix-backend-cpu/cpp/kernels/contract/contract.h"
#include "../neurenix-backend-cpu/cpp/codegen/x86/product_code.h"

using namespace phynexus;

namespace {

struct OneCore final : Team {
  struct Block {
    void* data = nullptr;
    int64_t size = 0;
    void* at_least(int64_t bytes) {
      if (bytes > size) {
        std::free(data);
        size = bytes;
        if (posix_memalign(&data, 64, size_t(bytes))) std::abort();
      }
      return data;
    }
  };
  Block own, shared;
  void run(int64_t count, void (*work)(void*, int64_t, int), void* context) override {
    for (int64_t i = 0; i < count; i++) work(context, i, 0);
  }
  int workers() const override { return 1; }
  void* workspace(int, int64_t bytes) override { return own.at_least(bytes); }
  void* shared_workspace(int64_t bytes) override { return shared.at_least(bytes); }
} team;

double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// The best of many repeats: the machine is shared.
template <class Work>
double best(const Work& work) {
  work();
  double start = seconds();
  work();
  const double once = seconds() - start;
  const int inner = once < 20e-6 ? int(40e-6 / (once + 1e-9)) + 1 : 1;
  double least = 1e9;
  const double until = seconds() + 0.4;
  for (int i = 0; i < 8 || seconds() < until; i++) {
    start = seconds();
    for (int j = 0; j < inner; j++) work();
    const double took = (seconds() - start) / inner;
    if (took < least) least = took;
  }
  return least;
}

template <int Bytes>
struct Registers {
  typedef float type __attribute__((vector_size(Bytes)));
};

// Multiply-adds in registers alone. The target attribute keeps this file free of machine flags.
#if defined(__x86_64__)
__attribute__((target("avx512f,prefer-vector-width=512"), noinline)) double peak_avx512(int64_t rounds) {
  typedef Registers<64>::type V;
  V s[12], a = V{} + 0.999f, b = V{} + 0.001f;
#pragma GCC unroll 12
  for (int i = 0; i < 12; i++) s[i] = V{} + float(i);
  for (int64_t k = 0; k < rounds; k++)
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) s[i] = s[i] * a + b;
  V t = s[0];
#pragma GCC unroll 12
  for (int i = 1; i < 12; i++) t += s[i];
  volatile float sink = t[0];
  (void)sink;
  return 2.0 * 16 * 12 * double(rounds);
}
__attribute__((target("avx2,fma"), noinline)) double peak_avx2(int64_t rounds) {
  typedef Registers<32>::type V;
  V s[12], a = V{} + 0.999f, b = V{} + 0.001f;
#pragma GCC unroll 12
  for (int i = 0; i < 12; i++) s[i] = V{} + float(i);
  for (int64_t k = 0; k < rounds; k++)
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) s[i] = s[i] * a + b;
  V t = s[0];
#pragma GCC unroll 12
  for (int i = 1; i < 12; i++) t += s[i];
  volatile float sink = t[0];
  (void)sink;
  return 2.0 * 8 * 12 * double(rounds);
}
#endif

double peak = 0;
const ContractKernels* kernels;
std::vector<std::string> words;

bool wanted(const char* name) {
  for (auto& w : words)
    if (!std::strstr(name, w.c_str())) return false;
  return true;
}
void report(const char* name, double operations, double time) {
  std::printf("%-58s %8.1f us %7.1f GFLOP/s %5.0f %%\n", name, time * 1e6, operations / time * 1e-9,
              operations / time * 1e-7 / peak);
  std::fflush(stdout);
}

std::vector<float> numbers(int64_t n) {
  std::vector<float> v(static_cast<size_t>(n));
  for (auto& x : v) x = float(std::rand()) / float(RAND_MAX) - 0.5f;
  return v;
}

void product(int64_t batch, int64_t m, int64_t k, int64_t n, bool lhs_transposed = false,
             bool rhs_transposed = false) {
  char name[100];
  std::snprintf(name, sizeof name, "matmul %dx%dx%d%s%s batch %d", int(m), int(k), int(n),
                lhs_transposed ? " lhs^T" : "", rhs_transposed ? " rhs^T" : "", int(batch));
  if (!wanted(name)) return;
  auto a = numbers(batch * m * k), b = numbers(batch * k * n), c = numbers(batch * m * n);
  const MatmulProblem p{batch,
                        m,
                        n,
                        k,
                        m * k,
                        lhs_transposed ? 1 : k,
                        lhs_transposed ? m : 1,
                        k * n,
                        rhs_transposed ? 1 : n,
                        rhs_transposed ? k : 1,
                        m * n,
                        n,
                        1};
  report(name, 2.0 * double(batch * m * k * n),
         best([&] { kernels->matmul_f32(p, a.data(), b.data(), c.data(), team); }));
  // What programs run where the processor has AVX-512: an rhs whose rows are not dense is copied first.
  if (kernels != &avx512::contract_kernels || !CodeMemory::usable()) return;
  const MatmulProblem decided = kernels->decide_matmul_f32(p);
  if (decided.way == MatmulProblem::by_dots || decided.exchanged) return;
  CodeMemory memory;
  MatmulProblem dense = p;
  auto copy = numbers(k * (n + 15));
  if (rhs_transposed) dense.rhs_k = (n + 15) / 16 * 16, dense.rhs_n = 1;
  const ProductCode code = write_product(dense, memory);
  if (!code || !memory.seal()) return;
  std::strncat(name, ", code", sizeof name - std::strlen(name) - 1);
  report(name, 2.0 * double(batch * m * k * n), best([&] {
           for (int64_t i = 0; i < batch; i++) {
             const float* rhs = b.data() + i * k * n;
             if (rhs_transposed)
               kernels->copy_matrix_f32(rhs, p.rhs_k, p.rhs_n, copy.data(), dense.rhs_k, k, n),
                   rhs = copy.data();
             code(a.data() + i * m * k, rhs, c.data() + i * m * n);
           }
         }));
}

void convolve(int64_t images, int64_t in, int64_t size, int64_t out, int64_t stride,
              bool packed_weights = false, bool first = false) {
  ConvolutionProblem p{};
  p.images = images, p.in_channels = in, p.in_h = p.in_w = size, p.out_channels = out,
  p.kernel_h = p.kernel_w = 3;
  p.stride_h = p.stride_w = stride, p.pad_h = p.pad_w = p.dilation_h = p.dilation_w = 1;
  p.out_h = p.out_w = (size - 1) / stride + 1;
  const char* winograd = std::getenv("NEURENIX_CPU_WINOGRAD");
  if (winograd && !std::strcmp(winograd, "0")) p.winograd = ConvolutionProblem::never;
  auto layout = [&](int64_t* s, int64_t c, int64_t h, int64_t w) {
    s[0] = c * h * w, s[1] = first ? h * w : 1, s[2] = first ? w : w * c, s[3] = first ? 1 : c;
  };
  layout(p.x, in, size, size);
  layout(p.out, out, p.out_h, p.out_w);
  const int64_t oihw[] = {in * 9, 9, 3, 1}, hwio[] = {1, out, 3 * in * out, in * out};
  std::memcpy(p.weight, packed_weights ? hwio : oihw, sizeof oihw);
  auto x = numbers(images * in * size * size), w = numbers(in * out * 9),
       o = numbers(images * out * p.out_h * p.out_w);
  const double operations = 2.0 * double(images * p.out_h * p.out_w * in * out * 9);
  const char* what[] = {"forward", "input gradient", "weight gradient"};
  for (int i = 0; i < 3; i++) {
    if (in == 1 && i == 1) continue;
    char name[120];
    std::snprintf(name, sizeof name, "%dx%d stride %d, %d to %d, %d images%s%s %s", int(size), int(size),
                  int(stride), int(in), int(out), int(images), packed_weights ? ", HWIO" : "",
                  first ? ", NCHW" : "", what[i]);
    if (!wanted(name)) continue;
    report(name, operations, best([&] {
             if (i == 0) kernels->convolution_f32(p, x.data(), w.data(), o.data(), team);
             else if (i == 1) kernels->convolution_input_gradient_f32(p, o.data(), w.data(), x.data(), team);
             else kernels->convolution_weight_gradient_f32(p, x.data(), o.data(), w.data(), team);
           }));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string set = argc > 1 ? argv[1] : "avx512";
  for (int i = 2; i < argc; i++) words.push_back(argv[i]);
  kernels = set == "avx512" ? &avx512::contract_kernels
            : set == "avx2" ? &avx2::contract_kernels
                            : &portable::contract_kernels;
  const double operations = 2.0 * 12 * 1e5 * (set == "avx512" ? 16 : 8);
#if defined(__x86_64__)
  peak = operations / best([&] { set == "avx512" ? peak_avx512(100000) : peak_avx2(100000); }) * 1e-9;
#endif
  std::printf("%s, measured peak %.1f GFLOP/s a core\n", set.c_str(), peak);
  for (int64_t batch : {1, 16, 64}) product(batch, 10, 40, 40);
  product(16, 10, 40, 40, false, true);
  product(16, 40, 10, 40, true);
  product(16, 10, 1, 40);
  product(16, 10, 40, 1);
  product(16, 40, 10, 1, true);
  product(16, 10, 1, 40, false, true);
  for (int64_t batch : {1, 16}) product(batch, 25, 64, 64);
  product(16, 25, 64, 64, false, true);
  product(16, 64, 25, 64, true);
  product(16, 5, 5, 64);
  product(16, 5, 64, 5, false, true);
  product(16, 25, 64, 5, false, true);
  product(1, 100, 1600, 5, false, true);
  product(1, 100, 784, 256);
  for (int64_t n : {128, 256, 512, 1024}) product(1, n, n, n);
  product(1, 512, 512, 512, true);
  product(1, 512, 512, 512, false, true);
  for (int64_t images : {5, 25}) {
    convolve(images, 1, 28, 64, 2);
    for (int64_t size : {14, 7, 4}) convolve(images, 64, size, 64, 2);
  }
  convolve(5, 64, 14, 64, 2, true);
  convolve(5, 64, 7, 64, 2, true);
  convolve(5, 64, 4, 64, 2, true);
  convolve(100, 1, 28, 64, 1);
  convolve(50, 64, 28, 64, 1);
  convolve(200, 64, 14, 64, 1);
  convolve(200, 64, 7, 64, 1);
  convolve(200, 64, 3, 64, 1);
  convolve(1, 64, 28, 64, 1);
  convolve(5, 32, 14, 32, 1);
  convolve(50, 32, 14, 32, 1);
  convolve(120, 64, 14, 64, 1);
  convolve(120, 64, 7, 64, 1);
  convolve(50, 37, 14, 37, 1);
  convolve(16, 3, 32, 32, 1);
  convolve(8, 128, 28, 128, 1);
  convolve(8, 256, 14, 256, 1);
  convolve(20, 64, 14, 64, 1, false, true);
}
