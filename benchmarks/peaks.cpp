// What this machine can do at most, as one JSON line: float32 multiply-adds in registers alone on one core and on
// all that the process may use, and bytes copied (read and written) at several sizes on all of them.
//   cmake -S neurenix-backend-cpu -B BUILD && cmake --build BUILD --target peaks && BUILD/peaks
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <int Bytes>
struct Registers {
  typedef float type __attribute__((vector_size(Bytes)));
};

constexpr int chains = 12;

// Enough independent chains that none waits for another.
template <int Bytes>
[[gnu::always_inline]] inline double multiply_add(long rounds) {
  typedef typename Registers<Bytes>::type V;
  V s[chains], a = V{} + 0.999f, b = V{} + 0.001f;
#pragma GCC unroll 12
  for (int i = 0; i < chains; i++) s[i] = V{} + float(i);
  for (long k = 0; k < rounds; k++)
#pragma GCC unroll 12
    for (int i = 0; i < chains; i++) s[i] = s[i] * a + b;
  V t = s[0];
#pragma GCC unroll 12
  for (int i = 1; i < chains; i++) t += s[i];
  volatile float sink = t[0];
  (void)sink;
  return 2.0 * Bytes / 4 * chains * double(rounds);
}

#if defined(__x86_64__)
__attribute__((target("avx512f,prefer-vector-width=512"), noinline)) double avx512(long n) {
  return multiply_add<64>(n);
}
__attribute__((target("avx2,fma"), noinline)) double avx2(long n) { return multiply_add<32>(n); }
#endif
__attribute__((noinline)) double portable(long n) { return multiply_add<16>(n); }

struct Instructions {
  const char* name;
  double (*run)(long);
};
Instructions best_instructions() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {"avx512", avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"avx2", avx2};
#endif
  return {"portable", portable};
}

// The least time, of several, until all threads have done their work; started together.
double together(int threads, int repeats, const std::function<void(int)>& work) {
  double least = 1e9;
  for (int r = 0; r < repeats; r++) {
    std::atomic<int> ready{0};
    std::atomic<bool> go{false};
    std::vector<std::thread> others;
    for (int t = 1; t < threads; t++)
      others.emplace_back([&, t] {
        ready++;
        while (!go) {
        }
        work(t);
      });
    while (ready < threads - 1) {
    }
    const auto start = Clock::now();
    go = true;
    work(0);
    for (auto& o : others) o.join();
    least = std::min(least, since(start));
  }
  return least;
}

}  // namespace

int main() {
  cpu_set_t set;
  const int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  const Instructions instructions = best_instructions();
  const auto gflops = [&](int threads) {
    double operations = 0;
    const double time = together(threads, 12, [&](int t) {
      const double done = instructions.run(4000000);
      if (t == 0) operations = done;
    });
    return operations * threads / time * 1e-9;
  };
  const double one = gflops(1), all = gflops(cores);
  std::printf("{\"isa\": \"%s\", \"cores\": %d, \"gflops_one\": %.1f, \"gflops_all\": %.1f, \"bandwidth\": [",
              instructions.name, cores, one, all);
  bool first = true;
  for (long bytes : {128l << 10, 512l << 10, 2l << 20, 8l << 20, 32l << 20, 512l << 20}) {
    const size_t half = size_t(bytes / 2 / cores / 64 * 64);
    std::vector<std::vector<char>> from(size_t(cores), std::vector<char>(half, 1)), to = from;
    const int passes = int(std::max(1l, (256l << 20) / bytes));
    const double time = together(cores, 6, [&](int t) {
      for (int i = 0; i < passes; i++) {
        std::memcpy(to[size_t(t)].data(), from[size_t(t)].data(), half);
        asm volatile("" ::: "memory");
      }
    });
    std::printf("%s[%ld, %.1f]", first ? "" : ", ", bytes, 2.0 * double(half) * cores * passes / time * 1e-9);
    first = false;
  }
  std::printf("]}\n");
}
