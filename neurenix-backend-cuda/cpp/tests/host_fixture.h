// An engine over the fake driver, memory on it, a plan, and all that an engine is for: what tests of the host's side
// use.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "../../fake/fake_control.h"
#include "binary_chain.h"

namespace host_test {

using namespace engine_test;

inline constexpr int unknown = 999, illegal_address = 700;
inline constexpr int64_t elements = 1000, bytes = elements * 4;

inline std::string last_error() { return api().last_error(); }
inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Engine {
  phx_engine* handle = nullptr;
  phx_status status;
  explicit Engine(int device = 0) { status = api().create(device, nullptr, &handle); }
  Engine(const Engine&) = delete;
  ~Engine() { api().destroy(handle); }
};

inline phx_value vector_at(int32_t space, int32_t index, int64_t offset = 0) {
  return dense(PHX_FLOAT32, {elements}, space, index, offset);
}

// state' = state + x; ok = all(state' < limit); y = (state' * x) + (state' - x): several levels, so that it is a graph.
struct Plan {
  Builder b;
  Plan() {
    const phx_value state = vector_at(PHX_INPUT, 0), x = vector_at(PHX_INPUT, 1),
                    limit = vector_at(PHX_INPUT, 2);
    const phx_value next = vector_at(PHX_OUTPUT, 0), y = vector_at(PHX_OUTPUT, 1);
    const phx_value product = vector_at(PHX_SCRATCH, 0, 0), difference = vector_at(PHX_SCRATCH, 0, 4096);
    add_binary(b, PHX_ADD, state, x, next);
    add_binary(b, PHX_MUL, next, x, product);
    add_binary(b, PHX_SUB, next, x, difference);
    add_binary(b, PHX_ADD, product, difference, y);
    const phx_value below = dense(PHX_BOOL, {elements}, PHX_SCRATCH, 0, 8192);
    const phx_value ok = value(PHX_BOOL, {1}, {0}, PHX_OUTPUT, 2);
    b.add(PHX_FUSED, {next, limit}, {&below}, {1, 1, 0, 1, elements, PHX_LESS, PHX_BOOL, 0, 1, -1, 0, 2, 0});
    b.add(PHX_FUSED, {below}, {&ok}, {0, 1, 1, 1, elements, 0, PHX_ALL});
    b.input_bytes = {bytes, bytes, bytes};
    b.output_bytes = {bytes, bytes, 1};
    b.region(3, 3, 9216);
  }
};

// Memory on an engine; what fails is counted, not thrown.
struct Device {
  phx_engine* engine;
  phx_status status = PHX_OK;
  std::string message;
  std::vector<void*> mine;
  phx_executable* program = nullptr;

  explicit Device(phx_engine* engine) : engine(engine) {}
  Device(const Device&) = delete;
  ~Device() {
    api().release_executable(program);
    for (void* pointer : mine) api().release(engine, pointer);
  }
  bool check(phx_status now) {
    if (now != PHX_OK && status == PHX_OK) status = now, message = last_error();
    return now == PHX_OK;
  }
  void* take(int64_t size) {
    void* pointer = nullptr;
    if (check(api().allocate(engine, size, &pointer))) mine.push_back(pointer);
    return pointer;
  }
  void* with(float x, int64_t count = elements) {
    std::vector<float> host(size_t(count), x);
    void* pointer = take(count * 4);
    if (pointer) check(api().upload(engine, pointer, host.data(), count * 4));
    return pointer;
  }
  std::vector<float> read(const void* pointer, int64_t count = elements) {
    std::vector<float> host(static_cast<size_t>(count), -1.0f);
    if (pointer) check(api().download(engine, host.data(), pointer, count * 4));
    return host;
  }
  void compile() {
    static const Plan plan;
    const phx_plan source = plan.b.plan();
    check(api().compile(engine, &source, &program));
  }
};

inline bool all_are(const std::vector<float>& x, float value) {
  for (const float each : x)
    if (each != value) return false;
  return true;
}

// All that an engine is for: copies, a run, then five steps of which the third is the last whose state is below the
// limit. Whether the numbers are right, where nothing failed.
inline bool live(Device& d) {
  void *state = d.with(0), *x = d.with(2), *limit = d.with(9);
  void *y = d.take(5 * bytes), *ok = d.take(64);
  d.compile();
  if (d.status) return false;
  void* inputs[] = {state, x, limit};
  void* outputs[] = {state, y, ok};
  if (!d.check(api().run(d.program, inputs, outputs))) return false;
  const std::vector<float> once = d.read(y);
  const int64_t still[] = {0, 0, 0}, moves[] = {0, bytes, 1};
  phx_steps steps{};
  steps.struct_size = sizeof steps;
  steps.inputs = inputs, steps.outputs = outputs;
  steps.input_strides = still, steps.output_strides = moves;
  steps.count = 5, steps.ok_output = 2;
  if (!d.check(api().run_steps(d.program, &steps))) return false;
  const std::vector<float> last = d.read(state), ys = d.read(y, 3 * elements);
  d.check(api().synchronize(d.engine));
  if (d.status) return false;
  // 2 after the run; 4, 6, 8 below 9; 10 is not, and is the last that is made.
  bool right = all_are(once, 2 * 2 + 0) && steps.done == 4 && steps.stopped == 1 && all_are(last, 10);
  for (int64_t k = 0; k < 3; k++)
    for (int64_t e = 0; e < elements; e++)
      right = right && ys[size_t(k * elements + e)] == float(4 + 2 * k) * 2 + float(4 + 2 * k) - 2;
  return right;
}

inline bool lives(phx_engine* engine, std::string* message = nullptr) {
  Device d(engine);
  const bool right = live(d);
  if (message) *message = d.message;
  return right && d.status == PHX_OK;
}

struct Test {
  const char* name;
  void (*test)();
};

// The exit status.
template <size_t Count>
int run_all(const Test (&tests)[Count]) {
  for (const auto& [name, test] : tests) {
    const int before = failures;
    test();
    std::printf("%-20s %s\n", name, failures == before ? "ok" : "FAILED");
    std::fflush(stdout);
  }
  return failures != 0;
}

}  // namespace host_test
