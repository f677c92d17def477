// Scratch goes from program to program: what programs that only wait keep.
#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <thread>

#include "plan_builder.h"

namespace engine_test {
namespace {

constexpr int32_t f32 = PHX_FLOAT32;
constexpr int64_t few = 16, mebibyte = int64_t(1) << 20;

struct Released {
  void operator()(phx_executable* executable) const { api().release_executable(executable); }
};
using Program = std::unique_ptr<phx_executable, Released>;

// y = x, by way of the last bytes of so much scratch.
Program by_way_of(phx_engine* engine, int64_t scratch) {
  Builder b;
  const phx_value x = dense(f32, {few}, PHX_INPUT, 0), y = dense(f32, {few}, PHX_OUTPUT, 0),
                  between = dense(f32, {few}, PHX_SCRATCH, 0, scratch - few * 4);
  b.add(PHX_COPY, {x}, {&between}, {});
  b.add(PHX_COPY, {between}, {&y}, {});
  b.region(1, 1, scratch);
  b.input_bytes = b.output_bytes = {few * 4};
  const phx_plan plan = b.plan();
  phx_executable* executable = nullptr;
  CHECK(api().compile(engine, &plan, &executable) == PHX_OK, "%s", api().last_error());
  return Program(executable);
}

bool works(const Program& program) {
  Bytes x(few * 4), y(few * 4);
  for (int64_t i = 0; i < few; i++) set(x.data(), f32, i, double(i) + 0.5);
  void *inputs[] = {x.data()}, *outputs[] = {y.data()};
  return api().run(program.get(), inputs, outputs) == PHX_OK && x == y;
}

phx_memory_stats stats_of(phx_engine* engine) {
  phx_memory_stats stats{};
  stats.struct_size = sizeof stats;
  CHECK(api().memory_stats(engine, &stats) == PHX_OK, "%s", api().last_error());
  return stats;
}

// What a run takes is what the engine says before it, on any number of threads.
void a_program_says_what_it_takes() {
  for (const int32_t threads : {1, 2, 3}) {
    Handle engine(threads);
    const Program program = by_way_of(engine.engine, 3 * mebibyte);
    int64_t now = 0, said[4] = {};
    CHECK(api().memory_bytes(program.get(), 0, &now) == PHX_OK, "%s", api().last_error());
    for (int32_t n = 1; n <= 3; n++)
      CHECK(api().memory_bytes(program.get(), n, &said[n]) == PHX_OK, "%s", api().last_error());
    CHECK(now == said[threads], "%lld bytes, and %lld on %d threads", (long long)now,
          (long long)said[threads], threads);
    CHECK(works(program), "it runs");
    CHECK(stats_of(engine.engine).arena_bytes == now, "%lld bytes taken, %lld said",
          (long long)stats_of(engine.engine).arena_bytes, (long long)now);
  }
  Handle engine(1);
  const Program program = by_way_of(engine.engine, mebibyte);
  int64_t bytes = 0;
  CHECK(api().memory_bytes(program.get(), -1, &bytes) == PHX_INVALID_ARGUMENT, "threads below 0");
  CHECK(api().memory_bytes(program.get(), 1, nullptr) == PHX_INVALID_ARGUMENT, "no place for the bytes");
  CHECK(api().memory_bytes(nullptr, 1, &bytes) == PHX_INVALID_ARGUMENT, "no executable");
}

// Core of an earlier version gives a smaller struct, and no more of it is written.
void capabilities_of_1_0() {
  Handle engine(1);
  struct {
    phx_capabilities of_1_0;
    char behind[8];
  } out;
  std::memset(&out, 0x5a, sizeof out);
  out.of_1_0.struct_size = offsetof(phx_capabilities, fused_operations);
  CHECK(api().capabilities(engine.engine, &out.of_1_0) == PHX_OK, "%s", api().last_error());
  CHECK(out.of_1_0.opcodes[PHX_FUSED] == PHX_FUSED_WITH_ARGMAX && out.of_1_0.threads == 1, "what there was");
  CHECK(out.of_1_0.fused_operations == 0x5a5a5a5a, "what there was not is left alone");
  out.of_1_0.struct_size--;
  CHECK(api().capabilities(engine.engine, &out.of_1_0) == PHX_INVALID_ARGUMENT, "smaller than 1.0's");
}

void many_programs_share() {
  Handle engine(1);
  std::vector<Program> programs;
  for (int64_t size = 1; size <= 40; size++) {
    programs.push_back(by_way_of(engine.engine, size * mebibyte));
    CHECK(works(programs.back()), "%lld MiB", (long long)size);
  }
  CHECK(stats_of(engine.engine).arena_bytes == 40 * mebibyte, "%lld bytes for the largest of them",
        (long long)stats_of(engine.engine).arena_bytes);
  for (const Program& program : programs) CHECK(works(program), "again");
  CHECK(stats_of(engine.engine).arena_bytes == 40 * mebibyte, "no more when each is run again");
  programs.clear();
  CHECK(stats_of(engine.engine).arena_bytes == 40 * mebibyte, "kept for what comes");
  CHECK(api().set_threads(engine.engine, 1) == PHX_OK && stats_of(engine.engine).arena_bytes == 0,
        "set_threads lets go of it");
}

void large_ones_go() {
  Handle engine(1);
  const Program small = by_way_of(engine.engine, mebibyte);
  Program large = by_way_of(engine.engine, 300 * mebibyte);
  CHECK(works(large), "300 MiB");
  for (int i = 0; i < 300; i++) CHECK(works(small), "beside a large one");
  CHECK(stats_of(engine.engine).arena_bytes == 300 * mebibyte, "it stays while programs take turns");
  CHECK(works(large), "300 MiB again");
  for (int i = 0; i < 1001; i++) CHECK(works(small), "beside a large one");
  CHECK(stats_of(engine.engine).arena_bytes == mebibyte, "it goes once it is long out of use");
  CHECK(works(large), "300 MiB again");
  large.reset();
  CHECK(stats_of(engine.engine).arena_bytes == 0, "it goes with its program");
  CHECK(works(small), "afterwards");
}

// Each thread finds scratch of its own, and what is idle afterwards is bounded.
void several_at_once() {
  Handle engine(2);
  std::vector<Program> programs;
  for (int64_t size : {1, 2, 90}) programs.push_back(by_way_of(engine.engine, size * mebibyte));
  std::atomic<int> good{0};
  std::vector<std::thread> hosts;
  for (int h = 0; h < 5; h++)
    hosts.emplace_back([&, h] {
      for (int i = 0; i < 200; i++) good += works(programs[size_t(h + i) % 3]);
    });
  for (auto& host : hosts) host.join();
  CHECK(good == 1000, "%d of 1000 runs", int(good));
  CHECK(stats_of(engine.engine).arena_bytes <= 256 * mebibyte, "what is kept of them");
}

// Freed buffers of sizes that are not asked for again make room for others.
void buffers() {
  Handle engine(1);
  const auto once = [&](int64_t bytes) {
    void* buffer = nullptr;
    CHECK(api().allocate(engine.engine, bytes, &buffer) == PHX_OK, "%s", api().last_error());
    CHECK(api().release(engine.engine, buffer) == PHX_OK, "%s", api().last_error());
    return buffer;
  };
  for (int64_t size = 1; size <= 60; size++) once(size * mebibyte);
  const phx_memory_stats stats = stats_of(engine.engine);
  CHECK(stats.allocated_bytes == 0 && stats.cached_bytes <= 256 * mebibyte, "%lld bytes kept",
        (long long)stats.cached_bytes);
  void* last = once(200 * mebibyte);
  CHECK(once(200 * mebibyte) == last, "what was freed last is found again");
  CHECK(stats_of(engine.engine).cached_bytes <= 256 * mebibyte, "and what is kept stays bounded");

  phx_memory_stats old{};  // a caller of version 1.3
  old.struct_size = offsetof(phx_memory_stats, cached_bytes);
  CHECK(api().memory_stats(engine.engine, &old) == PHX_OK && old.peak_bytes > 0 && old.cached_bytes == 0,
        "an older struct");
}

}  // namespace

void test_arenas() {
  a_program_says_what_it_takes();
  capabilities_of_1_0();
  many_programs_share();
  large_ones_go();
  several_at_once();
  buffers();
}

}  // namespace engine_test
