// Products written as code, bit for bit against sums of fused multiply-adds in the order of k; each operand ends where
// memory does, so that a read or a write beyond it is a fault.
#include <cmath>
#include <cstring>
#include <optional>

#include "../codegen/x86/product_code.h"
#include "../engine.h"
#include "plan_builder.h"

#if !defined(_WIN32)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace engine_test {
namespace {

#if !defined(_WIN32)

class Guarded {
 public:
  explicit Guarded(int64_t count) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE)), bytes = size_t(count) * sizeof(float);
    const size_t whole = (bytes + page - 1) / page * page;
    size_ = whole + page;
    memory_ =
        static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory_ + whole, page, PROT_NONE);
    data = reinterpret_cast<float*>(memory_ + whole - bytes);
    for (int64_t i = 0; i < count; i++) data[i] = float(normal());
  }
  Guarded(const Guarded&) = delete;
  ~Guarded() { munmap(memory_, size_); }
  float* data;

 private:
  char* memory_;
  size_t size_;
};

void one(phynexus::x86::Extension extension, phynexus::CodeMemory& memory) {
  phynexus::MatmulProblem p{};
  p.batch = 1;
  p.m = pick(1, 45), p.n = pick(0, 3) ? pick(1, 45) : pick(1, 150),
  p.k = pick(0, 3) ? pick(1, 45) : pick(1, 150);
  const bool rows_first = pick(0, 1);
  p.lhs_m = rows_first ? p.k + pick(0, 3) : 1;
  p.lhs_k = rows_first ? 1 : p.m + pick(0, 3);
  p.rhs_k = p.n + (pick(0, 1) ? pick(0, 20) : 0);
  p.out_m = p.n + (pick(0, 1) ? pick(0, 20) : 0);
  if (extension == phynexus::x86::Extension::avx2) {  // whole vectors: see write_product
    const int64_t more = (8 - p.n % 8) % 8;
    p.n += more, p.rhs_k += more, p.out_m += more;
  }
  p.rhs_n = p.out_n = 1;
  const auto last = [](int64_t a, int64_t stride_a, int64_t b, int64_t stride_b) {
    return (a - 1) * stride_a + (b - 1) * stride_b + 1;
  };
  Guarded lhs(last(p.m, p.lhs_m, p.k, p.lhs_k)), rhs(last(p.k, p.rhs_k, p.n, 1)),
      out(last(p.m, p.out_m, p.n, 1));
  std::vector<float> want(out.data, out.data + last(p.m, p.out_m, p.n, 1));
  for (int64_t i = 0; i < p.m; i++)
    for (int64_t j = 0; j < p.n; j++) {
      float sum = 0;
      for (int64_t k = 0; k < p.k; k++)
        sum = std::fma(lhs.data[i * p.lhs_m + k * p.lhs_k], rhs.data[k * p.rhs_k + j], sum);
      want[size_t(i * p.out_m + j)] = sum;
    }
  const phynexus::ProductCode code = phynexus::write_product(p, extension, memory);
  CHECK(code && memory.seal(), "no code for %d x %d x %d", int(p.m), int(p.n), int(p.k));
  if (!code) return;
  code(lhs.data, rhs.data, out.data);
  CHECK(!std::memcmp(want.data(), out.data, want.size() * sizeof(float)),
        "product %d x %d x %d, strides %d %d %d %d", int(p.m), int(p.n), int(p.k), int(p.lhs_m), int(p.lhs_k),
        int(p.rhs_k), int(p.out_m));
}

#endif

}  // namespace

void test_product_code() {
#if !defined(_WIN32)
  if (!phynexus::CodeMemory::usable()) {
    std::printf("no machine code on this processor: ");
    return;
  }
  using phynexus::x86::Extension;
  const std::optional<Extension> best = phynexus::choose_instruction_set().written;
  for (const Extension extension : {Extension::avx2, Extension::avx512}) {
    if (!best || (extension == Extension::avx512 && *best == Extension::avx2)) continue;
    for (int round = 0; round < 2000 && !failures; round++) {
      phynexus::CodeMemory memory;
      one(extension, memory);
    }
  }
#endif
}

}  // namespace engine_test
