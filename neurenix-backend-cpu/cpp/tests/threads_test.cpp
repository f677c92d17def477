// Several host threads in one executable, other team sizes, a forked child.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "plan_builder.h"

namespace engine_test {
namespace {

constexpr int32_t f32 = PHX_FLOAT32;
constexpr int64_t n = 30000, iterations = 6;

// Many small iterations, whose sums are made by blocks of them: the same from every thread, of every team.
void sums_by_blocks() {
  constexpr int64_t small = 37, many = 403;
  Builder b;
  const phx_value x = dense(f32, {small}, PHX_INPUT, 0), y = dense(f32, {small}, PHX_OUTPUT, 0);
  b.add(PHX_FUSED, {x}, {&y}, {1, 1, 0, 1, small, PHX_TANH, f32, 0, -1, -1, 0, 1, 0});
  const int32_t body = b.region(1, 1, 0);
  const phx_value xs = dense(f32, {many, small}, PHX_INPUT, 0), sum = dense(f32, {small}, PHX_OUTPUT, 0);
  b.add(PHX_MAP, {xs}, {&sum}, {many, 0, 1, 1}, body);
  b.region(1, 1, 0);
  b.input_bytes = {many * small * 4};
  b.output_bytes = {small * 4};
  Bytes numbers(size_t(many * small * 4));
  for (int64_t i = 0; i < many * small; i++) set(numbers.data(), f32, i, normal());
  std::vector<Bytes> in{numbers}, want{Bytes(small * 4)};
  CHECK(run(b, in, want, 1), "%s", api().last_error());

  const phx_plan plan = b.plan();
  for (int threads : {2, 3, 5}) {
    Handle engine(threads);
    phx_executable* executable = nullptr;
    CHECK(api().compile(engine.engine, &plan, &executable) == PHX_OK, "%s", api().last_error());
    std::vector<std::thread> hosts;
    std::atomic<int> good{0};
    for (int h = 0; h < 3; h++)
      hosts.emplace_back([&] {
        for (int i = 0; i < 20; i++) {
          Bytes out(small * 4);
          void* inputs[] = {numbers.data()};
          void* outputs[] = {out.data()};
          good += api().run(executable, inputs, outputs) == PHX_OK && out == want[0];
        }
      });
    for (auto& host : hosts) host.join();
    CHECK(good == 60, "%d of 60 sums by %d threads", int(good), threads);
    api().release_executable(executable);
  }
}

// map over rows: sum of x * x, and x + 1 stacked; then a large sum outside of the map.
Builder program() {
  Builder b;
  const phx_value x = dense(f32, {n}, PHX_INPUT, 0), y = dense(f32, {n}, PHX_OUTPUT, 0),
                  s = dense(f32, {1}, PHX_OUTPUT, 1);
  b.add(PHX_FUSED, {x}, {&y, &s},
        {2, 2, 1, 1, n, PHX_MUL, f32, 0, 0, -1, 0, PHX_EXP, f32, 0, -1, -1, 0, 2, 0, 1, PHX_SUM});
  const int32_t body = b.region(1, 2, 0);
  const phx_value xs = dense(f32, {iterations, n}, PHX_INPUT, 0),
                  ys = dense(f32, {iterations, n}, PHX_SCRATCH);
  const phx_value sum = dense(f32, {1}, PHX_OUTPUT, 1), total = dense(f32, {1, 1}, PHX_OUTPUT, 0);
  b.add(PHX_MAP, {xs}, {&ys, &sum}, {iterations, 0, 1, 0, 1}, body);
  b.add(PHX_FUSED, {ys}, {&total}, {0, 1, 3, 2, iterations, n, 0, PHX_SUM});
  b.region(1, 2, (iterations * n * 4 + 63) / 64 * 64);
  b.input_bytes = {iterations * n * 4};
  b.output_bytes = {4, 4};
  return b;
}

}  // namespace

void test_threads() {
  sums_by_blocks();
  const Builder b = program();
  Bytes x(size_t(iterations * n * 4));
  for (int64_t i = 0; i < iterations * n; i++) set(x.data(), f32, i, normal());
  std::vector<Bytes> in{x}, want{Bytes(4), Bytes(4)};
  CHECK(run(b, in, want, 1), "%s", api().last_error());

  Handle engine(3);
  const phx_plan plan = b.plan();
  phx_executable* executable = nullptr;
  CHECK(api().compile(engine.engine, &plan, &executable) == PHX_OK, "%s", api().last_error());
  const auto once = [&] {
    std::vector<Bytes> out{Bytes(4), Bytes(4)};
    void* inputs[] = {x.data()};
    void* outputs[] = {out[0].data(), out[1].data()};
    return api().run(executable, inputs, outputs) == PHX_OK && out == want;
  };
  std::vector<std::thread> hosts;
  std::atomic<int> good{0};
  for (int h = 0; h < 4; h++)
    hosts.emplace_back([&] {
      for (int i = 0; i < 25; i++) good += once();
    });
  for (auto& host : hosts) host.join();
  CHECK(good == 100, "%d of 100 concurrent runs", int(good));
  for (int threads : {1, 5, 2}) {
    CHECK(api().set_threads(engine.engine, threads) == PHX_OK, "%s", api().last_error());
    CHECK(once() && once(), "with %d threads", threads);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));  // all asleep by now
  CHECK(once(), "after a pause");
#if !defined(__SANITIZE_THREAD__)
  if (const pid_t child = fork(); child == 0) {
    _exit(once() && once() ? 0 : 1);
  } else {
    int status = 1;
    waitpid(child, &status, 0);
    CHECK(status == 0, "a forked child");
  }
#endif
  CHECK(once(), "after a fork");
  CHECK(api().run_count(engine.engine) > 100, "run_count");
  api().release_executable(executable);

  void *first = nullptr, *second = nullptr;
  phx_memory_stats stats{};
  stats.struct_size = sizeof stats;
  CHECK(api().allocate(engine.engine, 1000, &first) == PHX_OK &&
            api().allocate(engine.engine, 0, &second) == PHX_OK,
        "allocate");
  CHECK(first && second && reinterpret_cast<uintptr_t>(first) % 64 == 0 &&
            reinterpret_cast<uintptr_t>(second) % 64 == 0,
        "aligned");
  CHECK(api().set_threads(engine.engine, 2) == PHX_OK, "%s", api().last_error());
  CHECK(api().memory_stats(engine.engine, &stats) == PHX_OK && stats.allocated_bytes >= 1000 &&
            stats.arena_bytes == 0,
        "stats");
  CHECK(api().release(engine.engine, first) == PHX_OK && api().release(engine.engine, second) == PHX_OK,
        "release");
  CHECK(api().release(engine.engine, first) == PHX_INVALID_ARGUMENT, "a second release");
}

}  // namespace engine_test
