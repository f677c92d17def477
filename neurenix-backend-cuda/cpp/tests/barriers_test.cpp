// Each barrier in the device's code is taken away in turn, wherever its line is reached, and must be missed: other bits
// in one of three orders of threads, threads that wait in vain, or a fault. A barrier that nobody misses is not needed,
// or its handler's case here is too small.
//   barriers_test: of all handlers; barriers_test FIRST: only of those whose name begins so
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <set>

#include "binary_chain.h"
#include "emulated_plan.h"
#include "gpu/lower/linear_algebra/blocks.h"
#include "problem.h"

using namespace emulated;
using engine_test::dense;
using engine_test::failures;
using engine_test::Shape;
using engine_test::value;
using phynexus::gpu::tests::Problem;
using Plans = engine_test::Builder;
using Bytes = std::vector<char>;

namespace {

struct Subject {
  std::string name;
  std::function<Bytes()> run;
};
std::vector<Subject> subjects;

// ---- products, of each way that has barriers -----------------------------------------------------------------------

void add_products() {
  struct Tiles {
    const char* name;
    int32_t dtype;
    Handler handler;
    int32_t m, n;
  };
#define TILES(name, dtype, size)                     \
  {                                                  \
    #name, dtype, handler_##name, size##_m, size##_n \
  }
  static const Tiles all[] = {
      TILES(product_f32_large, PHX_FLOAT32, product_f32_large),
      TILES(product_f32_medium, PHX_FLOAT32, product_f32_medium),
      TILES(product_f32_small, PHX_FLOAT32, product_f32_small),
      TILES(product_f64, PHX_FLOAT64, product_other),
      TILES(product_f16, PHX_FLOAT16, product_other),
      TILES(product_bf16, PHX_BFLOAT16, product_other),
      TILES(product_i32, PHX_INT32, product_other),
      TILES(product_i64, PHX_INT64, product_other),
      TILES(product_u8, PHX_UINT8, product_other),
      TILES(product_tensor_tf32, PHX_FLOAT32, product_tensor),
      TILES(product_tensor_as_bf16, PHX_FLOAT32, product_tensor),
      TILES(product_tensor_f16, PHX_FLOAT16, product_tensor),
      TILES(product_tensor_bf16, PHX_BFLOAT16, product_tensor),
      TILES(product_update_f32, PHX_FLOAT32, product_update_f32),
      TILES(product_update_f64, PHX_FLOAT64, product_update_f64),
  };
#undef TILES
  for (const Tiles& way : all)
    for (const int threads : {64, 256})
      subjects.push_back({format("%s of %d threads", way.name, threads), [way, threads] {
                            std::mt19937 random(5);
                            Problem problem(random, way.dtype, PHX_DOT_GENERAL, {0, 1, 1, 1},
                                            {{130, 200}, {200, 70}, {130, 70}});
                            Bytes& out = problem.memory(2);  // an update is taken away from it
                            std::fill(out.begin(), out.end(), char(0));
                            return problem.run(
                                threads, emulator::options().schedule,
                                [&](Builder& builder, const phx_instruction& x) {
                                  const ProductChoice choice{ProductWay::tiles, way.handler, way.m, way.n, 1};
                                  lower_products(builder, {product_of_dot(builder, x)},
                                                 [&](const ProductSizes&, int32_t, bool) { return choice; });
                                },
                                0, 1);
                          }});
}

// ---- plans of one instruction, or a few -----------------------------------------------------------------------------

phx_value input(int index, const Shape& shape, int32_t dtype = PHX_FLOAT32) {
  return dense(dtype, shape, PHX_INPUT, index);
}
phx_value output(int index, const Shape& shape, int32_t dtype = PHX_FLOAT32) {
  return dense(dtype, shape, PHX_OUTPUT, index);
}
phx_value scratch(int64_t offset, const Shape& shape) {
  return dense(PHX_FLOAT32, shape, PHX_SCRATCH, 0, offset);
}

template <class T>
void fill(Bytes& bytes, int64_t heavy) {
  T* x = reinterpret_cast<T*>(bytes.data());
  const size_t count = bytes.size() / sizeof(T);
  for (size_t k = 0; k < count; k++) x[k] = T(double((k * 7919 + 104729) % 1009) / 2018 - 0.25);
  if (heavy == 0) return;
  for (size_t k = 0; k < count; k += size_t(heavy * heavy))
    for (int64_t i = 0; i < heavy; i++) x[k + size_t(i * heavy + i)] += T(heavy);
}

// `heavy`: input 0 is squares of this side, whose diagonals are heavy; 0: it is as it comes.
void add_plan(const std::string& name, const std::function<void(Plans&)>& build, int64_t heavy = 0,
              int32_t dtype = PHX_FLOAT32, Target target = small_target()) {
  target.most_blocks = 1;  // a block does all tiles: what they share is used again
  target.threads = 256;
  subjects.push_back({name, [=] {
                        Plans b;
                        build(b);
                        const std::vector<int32_t> apart(b.output_bytes.size(), -1);
                        std::vector<Bytes> memory;
                        std::vector<void*> inputs, outputs;
                        for (const int64_t bytes : b.input_bytes) {
                          Bytes& one = memory.emplace_back(size_t(bytes));
                          const int64_t side = memory.size() == 1 ? heavy : 0;
                          if (dtype == PHX_FLOAT64) fill<double>(one, side);
                          else fill<float>(one, side);
                        }
                        for (const int64_t bytes : b.output_bytes)
                          memory.emplace_back(size_t(bytes), char(0x5a));
                        for (size_t k = 0; k < memory.size(); k++)
                          (k < b.input_bytes.size() ? inputs : outputs).push_back(memory[k].data());
                        const std::string wrong = EmulatedPlan(b, target, &apart).run(inputs, outputs);
                        Bytes all(wrong.begin(), wrong.end());
                        for (size_t k = b.input_bytes.size(); k < memory.size(); k++)
                          all.insert(all.end(), memory[k].begin(), memory[k].end());
                        return all;
                      }});
}

// Two matrices, so that a block does more than one.
void add_linear_algebra() {
  for (const int32_t dtype : {PHX_FLOAT32, PHX_FLOAT64})
    for (const int64_t n : {40, 150}) {
      const Shape square{2, n, n};
      const int64_t bytes = 2 * n * n * item_bytes(dtype);
      const std::string of = format(" of %lld %s", (long long)n, dtype_name(dtype));
      add_plan(
          "cholesky" + of,
          [=](Plans& b) {
            const phx_value out = output(0, square, dtype);
            b.add(PHX_CHOLESKY, {input(0, square, dtype)}, {&out}, {});
            b.region(1, 1, 0);
            b.input_bytes = {bytes}, b.output_bytes = {bytes};
          },
          n, dtype);
      add_plan(
          "lu" + of,
          [=](Plans& b) {
            const phx_value out = output(0, square, dtype), order = output(1, {2, n}, PHX_INT32);
            b.add(PHX_LU, {input(0, square, dtype)}, {&out, &order}, {});
            b.region(1, 2, 0);
            b.input_bytes = {bytes}, b.output_bytes = {bytes, 8 * n};
          },
          0, dtype);
      for (const int64_t lower : {0, 1})
        for (const int64_t unit : {0, 1})
          add_plan(
              format("triangular_solve %lld%lld", (long long)lower, (long long)unit) + of,
              [=](Plans& b) {
                const phx_value out = output(0, {2, n, 90}, dtype);
                b.add(PHX_TRIANGULAR_SOLVE, {input(0, square, dtype), input(1, {2, n, 90}, dtype)}, {&out},
                      {lower, 0, unit});
                b.region(2, 1, 0);
                const int64_t right = 2 * n * 90 * item_bytes(dtype);
                b.input_bytes = {bytes, right}, b.output_bytes = {right};
              },
              n, dtype);
    }
}

// One after the other in a block, with elements of 4 bytes and of 8: each must be done with the memory they share.
void add_one_level() {
  add_plan(
      "one level",
      [](Plans& b) {
        const int64_t n = 40, bytes[2] = {n * n * 4, n * n * 8};
        for (int32_t k = 0; k < 6; k++) {
          const int32_t dtype = k % 2 ? PHX_FLOAT64 : PHX_FLOAT32;
          const phx_value in = input(k % 2, {n, n}, dtype), out = output(k, {n, n}, dtype),
                          order = output(k + 2, {n}, PHX_INT32);
          if (k < 2) b.add(PHX_CHOLESKY, {in}, {&out}, {});
          else if (k < 4) b.add(PHX_TRIANGULAR_SOLVE, {in, in}, {&out}, {1, 0, 0});
          else b.add(PHX_LU, {in}, {&out, &order}, {});
        }
        const phx_value last = output(8, {n, n}), last_wide = output(9, {n, n}, PHX_FLOAT64);
        b.add(PHX_CHOLESKY, {input(0, {n, n})}, {&last}, {});
        b.add(PHX_CHOLESKY, {input(1, {n, n}, PHX_FLOAT64)}, {&last_wide}, {});
        b.region(2, 10, 0);
        b.input_bytes = {bytes[0], bytes[1]};
        for (int k = 0; k < 6; k++) b.output_bytes.push_back(bytes[k % 2]);
        b.output_bytes.insert(b.output_bytes.end(), {4 * n, 4 * n, bytes[0], bytes[1]});
      },
      40);
}

void add_tasks() {
  // Products in a row, of several tasks a block; their frame in shared memory, or in scratch.
  for (const int32_t shared : {48 << 10, 256}) {
    Target target = small_target();
    target.shared_bytes = shared;
    add_plan(
        shared > 256 ? "task" : "task in scratch",
        [](Plans& b) {
          const Shape square{16, 16};
          const phx_value first = scratch(0, square), second = scratch(1024, square),
                          last = output(0, square);
          b.add(PHX_DOT_GENERAL, {input(0, square), input(1, square)}, {&first}, {0, 1, 1, 1});
          b.add(PHX_DOT_GENERAL, {first, input(1, square)}, {&second}, {0, 1, 1, 1});
          b.add(PHX_DOT_GENERAL, {second, input(1, square)}, {&last}, {0, 1, 1, 1});
          const int32_t task = b.region(2, 1, 2048);
          const phx_value stacked = output(0, {5, 16, 16});
          b.add(PHX_MAP, {input(0, {5, 16, 16}), input(1, square)}, {&stacked}, {5, 0, 1, 0, 0}, task);
          b.region(2, 1, 0);
          b.input_bytes = {5120, 1024}, b.output_bytes = {5120};
        },
        0, PHX_FLOAT32, target);
  }
  // A long scan as a loop, whose frame is laid out by one record.
  Target loops = small_target();
  loops.most_unrolled = 0;
  add_plan(
      "loop of a task",
      [](Plans& b) {
        const Shape row{300};
        const phx_value next = output(0, row), left = scratch(0, row);
        const phx_value turned = value(PHX_FLOAT32, row, {-1}, PHX_INPUT, 1, 299 * 4);
        add_binary(b, PHX_MUL, turned, input(0, row), left);
        const phx_value back = value(PHX_FLOAT32, row, {-1}, PHX_SCRATCH, 0, 299 * 4);
        add_binary(b, PHX_ADD, back, input(2, row), next);
        const int32_t body = b.region(3, 1, 1216);
        const phx_value last = output(0, row);
        b.add(PHX_SCAN, {input(0, row), input(1, row), input(2, {6, 300})}, {&last, nullptr},
              {2432, 6, 1, 1, 1, 0, 0, 0, 1216}, body);
        const int32_t task = b.region(3, 1, 2432 + 1216);
        const phx_value stacked = output(0, {3, 300});
        b.add(PHX_MAP, {input(0, row), input(1, {3, 300}), input(2, {3, 6, 300})}, {&stacked},
              {3, 0, 0, 1, 1, 0}, task);
        b.region(3, 1, 0);
        b.input_bytes = {1200, 3600, 21600}, b.output_bytes = {3600};
      },
      0, PHX_FLOAT32, loops);
  add_plan("transpose", [](Plans& b) {
    const phx_value turned = value(PHX_FLOAT32, {100, 70}, {1, 100}, PHX_INPUT, 0),
                    out = output(0, {100, 70});
    b.add(PHX_COPY, {turned}, {&out}, {});
    b.region(1, 1, 0);
    b.input_bytes = {28000}, b.output_bytes = {28000};
  });
}

// The kernel between two steps: the pointer to ok is read before the table is written.
void add_step() {
  subjects.push_back({"step", [] {
                        uint8_t no = 0, yes = 1;
                        char* bases[64] = {};
                        for (char*& base : bases) base = reinterpret_cast<char*>(&no);
                        RunState state, seen;
                        StepArguments arguments;
                        arguments.bases = bases;
                        arguments.state = &state;
                        arguments.seen = &seen;
                        arguments.count = 64;
                        arguments.ok = 40;
                        for (int k = 0; k < 64; k++) arguments.pointers[k] = reinterpret_cast<char*>(&yes);
                        const std::string wrong =
                            emulator::launch(*emulator::find_kernel("phynexus_step"), &arguments, 1, 64, 0);
                        Bytes all(wrong.begin(), wrong.end());
                        all.push_back(char(state.stopped));
                        return all;
                      }});
}

// ---- what is missed -----------------------------------------------------------------------------------------------

// In a process of its own: without a barrier a block may follow pointers that nobody has laid out.
bool is_missed(const Subject& subject, const Bytes& right, const void* site) {
  for (const int schedule : {0, 1, 2}) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);  // a loop whose counter is spoilt
      emulator::options().schedule = schedule;
      emulator::barrier_sites().missing = site;
      bool same = false;
      try {
        same = subject.run() == right;
      } catch (const std::exception&) {
      }
      _exit(same ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) return true;
  }
  return false;
}

// Returns how many barriers there are.
size_t take_away(const std::string& first) {
  std::map<const void*, std::string> missed_by;  // empty: by nobody yet
  std::map<const void*, std::string> used_by;
  for (const Subject& subject : subjects) {
    if (subject.name.compare(0, first.size(), first) != 0) continue;
    emulator::barrier_sites() = {};
    emulator::barrier_sites().are_noted = true;
    const Bytes right = subject.run();
    const std::vector<const void*> sites = emulator::barrier_sites().all;
    emulator::barrier_sites() = {};
    for (const int schedule : {1, 2}) {
      emulator::options().schedule = schedule;
      CHECK(subject.run() == right, "%s: order %d has other bits", subject.name.c_str(), schedule);
    }
    emulator::options() = {};
    CHECK(!sites.empty(), "%s has no barrier", subject.name.c_str());
    for (const void* site : sites) {
      used_by[site] += (used_by[site].empty() ? "" : ", ") + subject.name;
      std::string& by = missed_by[site];
      if (by.empty() && is_missed(subject, right, site)) by = subject.name;
    }
  }
  // Whose absence no value shows, one barrier each. Behind a panel: it comes with the memory that is shared, and there
  // is one behind its last use. Of a loop: it parts the last read of the counter, 0 then, from a write of the same 0
  // where an outer loop begins it again.
  std::set<std::string> silent{"lu of 150 float32, lu of 150 float64", "loop of a task"};
  for (const auto& [site, by] : missed_by) {
    if (by.empty() && silent.erase(used_by[site])) continue;
    Dl_info where{};
    dladdr(site, &where);
    CHECK(!by.empty(), "a barrier is not missed, at +0x%zx, of %s",
          size_t(static_cast<const char*>(site) - static_cast<const char*>(where.dli_fbase)),
          used_by[site].c_str());
  }
  return missed_by.size();
}

}  // namespace

int main(int count, char** words) {
  add_products();
  add_linear_algebra();
  add_one_level();
  add_tasks();
  add_step();
  const size_t barriers = take_away(count > 1 ? words[1] : "");
  std::printf("%zu barriers taken away, %d failures\n", barriers, failures);
  return failures != 0;
}
