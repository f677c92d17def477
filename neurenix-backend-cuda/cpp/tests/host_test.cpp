// The host's side against the fake driver: copies in order with runs, several steps, every call of the driver that
// fails, memory that runs out, devices that are lost, and two of them.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "../../../neurenix-backend-cpu/cpp/tests/plan_builder.h"
#include "../../fake/fake_control.h"

using namespace engine_test;

namespace {

constexpr int unknown = 999, illegal_address = 700;
constexpr int64_t elements = 1000, bytes = elements * 4;

std::string last_error() { return api().last_error(); }
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Engine {
  phx_engine* handle = nullptr;
  phx_status status;
  explicit Engine(int device = 0) { status = api().create(device, nullptr, &handle); }
  Engine(const Engine&) = delete;
  ~Engine() { api().destroy(handle); }
};

phx_value vector_at(int32_t space, int32_t index, int64_t offset = 0) {
  return dense(PHX_FLOAT32, {elements}, space, index, offset);
}

// out = a op b, of vectors.
void add_binary(Builder& b, int64_t opcode, const phx_value& x, const phx_value& y, const phx_value& out) {
  std::vector<int64_t> p{1, 1, 0, 1, elements, opcode, PHX_FLOAT32, 0, 1, -1, 0, 2, 0};
  b.add(PHX_FUSED, {x, y}, {&out}, p);
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

bool all_are(const std::vector<float>& x, float value) {
  for (const float each : x)
    if (each != value) return false;
  return true;
}

// All that an engine is for: copies, a run, then five steps of which the third is the last whose state is below the
// limit. Whether the numbers are right, where nothing failed.
bool live(Device& d) {
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

bool lives(phx_engine* engine, std::string* message = nullptr) {
  Device d(engine);
  const bool right = live(d);
  if (message) *message = d.message;
  return right && d.status == PHX_OK;
}

void versions_and_cards() {
  phynexus_fake_reset();
  phynexus_fake_set("version", 12040);
  phx_engine* engine = nullptr;
  CHECK(api().device_count() < 0, "an old driver");
  phynexus_fake_set("version", 13000);
  phynexus_fake_set("devices", 0);
  CHECK(api().device_count() == 0, "none");
  phynexus_fake_set("devices", 2);
  CHECK(api().device_count() == 2, "two");
  CHECK(api().create(7, nullptr, &engine) == PHX_INVALID_ARGUMENT && has(last_error(), "no device 7") &&
            has(last_error(), "has 2"),
        "%s", api().last_error());
  phynexus_fake_set("architecture", 75);
  CHECK(api().create(0, nullptr, &engine) == PHX_DEVICE_ERROR && has(last_error(), "Emulated GPU 0") &&
            has(last_error(), "sm_75") && has(last_error(), "sm_80"),
        "%s", api().last_error());
}

void whole_lives() {
  phynexus_fake_reset();
  {
    Engine engine;
    CHECK(engine.status == PHX_OK, "%s", api().last_error());
    std::string message;
    CHECK(lives(engine.handle, &message), "%s", message.c_str());
    phynexus_fake_set("backwards", 1);
    CHECK(lives(engine.handle, &message), "a graph's levels: %s", message.c_str());
    // What is not waited for is not there yet.
    phynexus_fake_set("slow", 2000);
    CHECK(lives(engine.handle, &message), "waits: %s", message.c_str());
    phynexus_fake_set("slow", 0);
    std::vector<std::thread> threads;
    bool right[4] = {};
    for (bool& mine : right) threads.emplace_back([&] { mine = lives(engine.handle); });
    for (std::thread& thread : threads) thread.join();
    for (const bool mine : right) CHECK(mine, "several threads");
    phx_memory_stats stats{};
    stats.struct_size = sizeof stats;
    CHECK(api().memory_stats(engine.handle, &stats) == PHX_OK && stats.allocated_bytes == 0 &&
              stats.peak_bytes > 0 && stats.arena_bytes > 0 && stats.cached_bytes > 0,
          "%lld in use", static_cast<long long>(stats.allocated_bytes));
  }
  CHECK(phynexus_fake_used(0) == 0, "an engine that is gone keeps memory");
}

// A buffer that is released and taken again while runs still use it.
void copies_in_order() {
  phynexus_fake_reset();
  phynexus_fake_set("slow", 3000);
  Engine engine;
  Device d(engine.handle);
  d.compile();
  void *state = d.with(0), *limit = d.with(1000), *ok = d.take(64);
  for (int turn = 1; turn <= 6; turn++) {
    void *x = d.with(float(turn)), *y = d.take(bytes);
    void* inputs[] = {state, x, limit};
    void* outputs[] = {state, y, ok};
    d.check(api().run(d.program, inputs, outputs));
    d.mine.pop_back(), d.mine.pop_back();
    api().release(engine.handle, x), api().release(engine.handle, y);
    // The memory of x, very likely: the copy must not come before the run has read it.
    d.with(100);
  }
  CHECK(all_are(d.read(state), 21), "a copy overtook a run");
  // Larger than a piece of staging memory, both ways.
  const int64_t many = 1500000;
  void* large = d.with(3, many);
  CHECK(all_are(d.read(large, many), 3) && d.status == PHX_OK, "%s", d.message.c_str());
}

// The first launches of a run are in the stream when one behind them fails. Whoever has their memory next must not meet
// them.
void launches_that_fail_half_way() {
  phynexus_fake_reset();
  Engine engine;
  Device d(engine.handle);
  d.compile();
  void *state = d.with(0), *x = d.with(2), *limit = d.with(1000), *ok = d.take(64);
  void* y = nullptr;
  CHECK(api().allocate(engine.handle, 2 * bytes, &y) == PHX_OK, "%s", api().last_error());
  void* inputs[] = {state, x, limit};
  void* outputs[] = {state, y, ok};
  CHECK(d.check(api().run(d.program, inputs, outputs)) && d.check(api().synchronize(engine.handle)), "%s",
        d.message.c_str());
  phynexus_fake_set("slow", 20000);
  // The plan's graph is in; what marks its end is not.
  phynexus_fake_fail("cuEventRecord", 1, unknown);
  CHECK(api().run(d.program, inputs, outputs) == PHX_DEVICE_ERROR && has(last_error(), "cuEventRecord"), "%s",
        api().last_error());
  CHECK(api().release(engine.handle, y) == PHX_OK, "%s", api().last_error());
  void* next = d.with(7, 2 * elements);
  phynexus_fake_set("slow", 0);
  CHECK(next == y, "the test is of one place");
  CHECK(api().synchronize(engine.handle) == PHX_OK, "%s", api().last_error());
  CHECK(all_are(d.read(next, 2 * elements), 7) && d.status == PHX_OK, "a run wrote into its next owner's %s",
        d.message.c_str());
}

// Steps before one whose launch fails are made, and counted.
void steps_before_a_failure() {
  for (const char* function : {"cuLaunchKernel", "cuGraphLaunch", "cuEventRecord"}) {
    phynexus_fake_reset();
    Engine engine;
    Device d(engine.handle);
    d.compile();
    void *state = d.with(0), *x = d.with(2), *limit = d.with(1000), *y = d.take(9 * bytes), *ok = d.take(64);
    void* inputs[] = {state, x, limit};
    void* outputs[] = {state, y, ok};
    CHECK(d.check(api().run(d.program, inputs, outputs)) && d.check(api().synchronize(engine.handle)), "%s",
          d.message.c_str());
    const int64_t still[] = {0, 0, 0}, moves[] = {0, bytes, 1};
    phx_steps steps{};
    steps.struct_size = sizeof steps;
    steps.inputs = inputs, steps.outputs = outputs;
    steps.input_strides = still, steps.output_strides = moves;
    steps.count = 9, steps.ok_output = 2;
    phynexus_fake_set("slow", 2000);
    phynexus_fake_fail(function, 5, unknown);
    CHECK(api().run_steps(d.program, &steps) == PHX_DEVICE_ERROR && has(last_error(), function), "%s",
          api().last_error());
    phynexus_fake_set("slow", 0);
    const std::vector<float> last = d.read(state);
    CHECK(steps.done > 0 && steps.done < 9 && all_are(last, 2 + 2 * float(steps.done)),
          "%s: %lld steps are said, and the state is %g", function, static_cast<long long>(steps.done),
          double(last[0]));
  }
}

// Each function of the driver fails in turn: an error that names it, and then all is well again.
void every_call_fails(int code) {
  int reached = 0;
  for (int k = 0; phynexus_fake_function(k); k++)
    for (int64_t nth = 1; nth <= 4; nth++) {
      const std::string name = phynexus_fake_function(k);
      phynexus_fake_reset();
      {
        phynexus_fake_fail(name.c_str(), nth, code);
        std::string message;
        {
          Engine engine;
          message = engine.status ? last_error() : "";
          if (!engine.status && lives(engine.handle, &message)) message.clear();
          // Whatever failed: afterwards nothing does, but that a loss which nobody has seen yet is seen.
          phynexus_fake_fail(name.c_str(), 0, 0);
          std::string again;
          if (!engine.status)
            CHECK(lives(engine.handle, &again) || (has(again, "was lost") && lives(engine.handle, &again)),
                  "%s, call %lld: afterwards %s", name.c_str(), static_cast<long long>(nth), again.c_str());
        }
        // A loss may be found by the call after the one that it befell.
        CHECK(message.empty() || has(message, name) || (code == illegal_address && has(message, "was lost")),
              "%s, call %lld: %s", name.c_str(), static_cast<long long>(nth), message.c_str());
        reached += !message.empty();
      }
    }
  std::printf("  %d calls failed with %d\n", reached, code);
  CHECK(reached > 60, "only %d calls were reached", reached);
}

void lost_devices() {
  phynexus_fake_reset();
  {
    Engine engine;
    CHECK(lives(engine.handle), "before");
    {
      Device d(engine.handle);
      d.compile();
      void *state = d.with(0), *x = d.with(2), *limit = d.with(9), *y = d.take(bytes), *ok = d.take(64);
      void* inputs[] = {state, x, limit};
      void* outputs[] = {state, y, ok};
      // The first kernel is the step's own; then instruction 0 runs.
      phynexus_fake_fault(2, illegal_address);
      // Asynchronous: where the kernel is quick, the call that asked for it finds the fault.
      phx_status status = api().run(d.program, inputs, outputs);
      if (status == PHX_OK) status = api().synchronize(engine.handle);
      CHECK(status == PHX_DEVICE_ERROR, "the fault surfaces");
      const std::string message = last_error();
      CHECK(has(message, "Emulated GPU 0 was lost") && has(message, "CUDA_ERROR_ILLEGAL_ADDRESS (700)") &&
                has(message, ", in instruction 0 (fused add, source line 7)") && has(message, "checkpoint"),
            "%s", message.c_str());
      // What lay there is gone, and is known to be.
      CHECK(api().run(d.program, inputs, outputs) == PHX_INVALID_ARGUMENT && has(last_error(), "gone"), "%s",
            api().last_error());
      std::vector<float> host(static_cast<size_t>(elements));
      CHECK(api().download(engine.handle, host.data(), state, bytes) == PHX_INVALID_ARGUMENT, "%s",
            api().last_error());
      // New tensors live, at other addresses than those that are still held.
      Device fresh(engine.handle);
      CHECK(live(fresh), "%s", fresh.message.c_str());
      for (void* mine : fresh.mine)
        for (void* dead : d.mine) CHECK(mine != dead, "a dead pointer came to life");
    }
    CHECK(lives(engine.handle), "after");
    phx_memory_stats stats{};
    stats.struct_size = sizeof stats;
    api().memory_stats(engine.handle, &stats);
    CHECK(stats.allocated_bytes == 0, "%lld in use", static_cast<long long>(stats.allocated_bytes));

    // One that does not come back says why each time, and works once it does.
    phynexus_fake_set("gone", 1);
    phynexus_fake_fault(3, illegal_address);
    std::string message;
    CHECK(!lives(engine.handle, &message) && has(message, "was lost"), "%s", message.c_str());
    for (int turn = 0; turn < 2; turn++)
      CHECK(
          !lives(engine.handle, &message) && has(message, "was lost") && has(message, "does not open again"),
          "%s", message.c_str());
    phx_capabilities capabilities{};
    capabilities.struct_size = sizeof capabilities;
    CHECK(api().capabilities(engine.handle, &capabilities) == PHX_DEVICE_ERROR, "it says so");
    phynexus_fake_set("gone", 0);
    CHECK(api().capabilities(engine.handle, &capabilities) == PHX_OK, "%s", api().last_error());
    CHECK(lives(engine.handle, &message), "%s", message.c_str());
  }
  CHECK(phynexus_fake_used(0) == 0, "an engine that is gone keeps memory");
}

// A device that answers everything with one number is lost, whatever that is called.
void losses_by_any_name() {
  for (const int code : {214, 220, 226, 400, 721, 999}) {
    phynexus_fake_reset();
    Engine engine;
    CHECK(lives(engine.handle), "before");
    std::string message;
    phynexus_fake_fault(3, code);
    CHECK(!lives(engine.handle, &message) && has(message, "was lost") && has(message, std::to_string(code)),
          "%s", message.c_str());
    CHECK(lives(engine.handle, &message), "after %d: %s", code, message.c_str());
  }
}

// Two engines of one device share its context. What the second made in it is left alone, and with that its memory.
void lost_beside_another() {
  phynexus_fake_reset();
  Engine one, two;
  CHECK(lives(one.handle) && lives(two.handle), "both work");
  std::string message;
  phynexus_fake_fault(2, illegal_address);
  CHECK(!lives(one.handle, &message) && lives(one.handle, &message), "%s", message.c_str());
  CHECK(!lives(two.handle, &message) && has(message, "another engine"), "%s", message.c_str());
  CHECK(lives(two.handle, &message) && lives(one.handle, &message), "%s", message.c_str());
}

void out_of_memory() {
  phynexus_fake_reset();
  phynexus_fake_set("memory", int64_t(64) << 20);
  Engine engine;
  Device d(engine.handle);
  const int64_t large = int64_t(40) << 20;
  void* first = d.take(large);
  CHECK(first, "%s", d.message.c_str());
  void* second = nullptr;
  CHECK(api().allocate(engine.handle, large, &second) == PHX_OUT_OF_MEMORY && has(last_error(), "41943040") &&
            has(last_error(), "67108864"),
        "%s", api().last_error());
  CHECK(lives(engine.handle), "work goes on");
  api().release(engine.handle, first);
  d.mine.clear();
  // What is idle goes back to the driver before anybody is refused: sizes differ each time.
  for (int64_t size = 30; size < 60; size += 3) {
    void* one = nullptr;
    CHECK(api().allocate(engine.handle, size << 20, &one) == PHX_OK, "%s", api().last_error());
    CHECK(api().release(engine.handle, one) == PHX_OK, "%s", api().last_error());
    CHECK(api().release(engine.handle, one) == PHX_INVALID_ARGUMENT, "released twice");
  }
  CHECK(lives(engine.handle), "work goes on");
}

// The driver needs memory for more than what it is asked for it.
void out_of_memory_elsewhere() {
  for (const char* function : {"cuMemHostAlloc", "cuModuleGetFunction", "cuGraphInstantiateWithFlags",
                               "cuLaunchKernel", "cuGraphLaunch"}) {
    phynexus_fake_reset();
    Engine engine;
    void* idle = nullptr;
    CHECK(api().allocate(engine.handle, int64_t(40) << 20, &idle) == PHX_OK &&
              api().release(engine.handle, idle) == PHX_OK && phynexus_fake_used(0) >= int64_t(40) << 20,
          "%s", api().last_error());
    phynexus_fake_fail(function, 1, 2);
    std::string message;
    CHECK(lives(engine.handle, &message), "%s: %s", function, message.c_str());
    CHECK(phynexus_fake_used(0) < int64_t(40) << 20, "%s: idle memory was not given back", function);
    Engine another;
    phynexus_fake_set("stays", 1);
    phynexus_fake_fail(function, 1, 2);
    Device d(another.handle);
    live(d);
    CHECK(d.status == PHX_OUT_OF_MEMORY && has(d.message, function) && has(d.message, "are free") &&
              has(d.message, "in use here"),
          "%s", d.message.c_str());
    phynexus_fake_reset();
    CHECK(lives(another.handle, &message), "afterwards: %s", message.c_str());
  }
}

// The peak is of what the host holds, as what is in use is: neither falls, nor grows, by a run's scratch.
void memory_that_is_counted() {
  phynexus_fake_reset();
  Engine engine;
  phx_memory_stats stats{};
  stats.struct_size = sizeof stats;
  void* large = nullptr;
  CHECK(api().allocate(engine.handle, int64_t(4) << 20, &large) == PHX_OK &&
            api().release(engine.handle, large) == PHX_OK,
        "%s", api().last_error());
  Device d(engine.handle);
  CHECK(live(d), "%s", d.message.c_str());
  CHECK(api().memory_stats(engine.handle, &stats) == PHX_OK, "%s", api().last_error());
  // The three vectors, five of them, and the flags, each in units of 512 bytes.
  CHECK(stats.allocated_bytes == 3 * 4096 + 5 * 4096 + 512 && stats.peak_bytes == int64_t(4) << 20 &&
            stats.arena_bytes > 9216,
        "%lld, %lld, %lld", static_cast<long long>(stats.allocated_bytes),
        static_cast<long long>(stats.peak_bytes), static_cast<long long>(stats.arena_bytes));
}

// Each block is one of the driver's, of just its bytes, and none is used again.
void guarded_memory() {
  phynexus_fake_reset();
  setenv("NEURENIX_GPU_GUARD", "1", 1);
  Engine engine;
  constexpr int64_t odd = 4001;
  void *one = nullptr, *two = nullptr;
  CHECK(lives(engine.handle), "%s", api().last_error());
  const int64_t before = phynexus_fake_used(0);
  CHECK(api().allocate(engine.handle, odd, &one) == PHX_OK && phynexus_fake_used(0) - before == odd,
        "%lld bytes", static_cast<long long>(phynexus_fake_used(0) - before));
  const std::vector<char> host(odd + 1);
  CHECK(api().upload(engine.handle, one, host.data(), odd) == PHX_OK &&
            api().upload(engine.handle, one, host.data(), odd + 1) != PHX_OK,
        "a copy that leaves it");
#if defined(__SANITIZE_ADDRESS__)
  const char* end = static_cast<const char*>(one) + odd;
  CHECK(!__asan_address_is_poisoned(end - 1) && __asan_address_is_poisoned(end),
        "what lies behind it is seen");
#endif
  CHECK(api().release(engine.handle, one) == PHX_OK && api().allocate(engine.handle, odd, &two) == PHX_OK &&
            one != two,
        "it is not used again at once");
  for (int k = 0; k < 300; k++) {
    void* more = nullptr;
    CHECK(api().allocate(engine.handle, int64_t(1) << 20, &more) == PHX_OK &&
              api().release(engine.handle, more) == PHX_OK,
          "%s", api().last_error());
  }
  CHECK(phynexus_fake_used(0) < before + (int64_t(70) << 20), "what waits goes back to the driver");
  CHECK(api().release(engine.handle, two) == PHX_OK && lives(engine.handle), "%s", api().last_error());
  unsetenv("NEURENIX_GPU_GUARD");
}

void two_devices() {
  phynexus_fake_reset();
  phynexus_fake_set("devices", 2);
  {
    Engine one(0), two(1);
    CHECK(one.status == PHX_OK && two.status == PHX_OK, "%s", api().last_error());
    bool right[2] = {};
    std::thread other([&] { right[1] = lives(two.handle); });
    right[0] = lives(one.handle);
    other.join();
    CHECK(right[0] && right[1], "side by side");
    Device d(one.handle);
    void* x = d.with(1);
    std::vector<float> host(static_cast<size_t>(elements));
    CHECK(api().download(two.handle, host.data(), x, bytes) == PHX_INVALID_ARGUMENT &&
              has(last_error(), "GPU 1"),
          "%s", api().last_error());
    // One is lost, the other is not.
    Device mine(two.handle);
    phynexus_fake_fault(2, illegal_address);
    CHECK(!live(mine), "it was to be lost");
    CHECK(all_are(d.read(x), 1) && d.status == PHX_OK, "%s", d.message.c_str());
    CHECK(lives(one.handle) && lives(two.handle), "both work");
  }
  CHECK(phynexus_fake_used(0) == 0 && phynexus_fake_used(1) == 0, "an engine that is gone keeps memory");
}

void profiles() {
  phynexus_fake_reset();
  Engine engine;
  api().set_profiling(engine.handle, 1);
  Device d(engine.handle);
  CHECK(live(d), "%s", d.message.c_str());
  phx_cost costs[6];
  CHECK(api().read_profile(d.program, costs, 6) == PHX_OK, "%s", api().last_error());
  for (const phx_cost& cost : costs)
    CHECK(cost.count == 5 && cost.nanoseconds >= 0, "%lld", static_cast<long long>(cost.count));
  CHECK(api().read_profile(d.program, costs, 6) == PHX_OK && costs[0].count == 0, "they start again");
  api().set_profiling(engine.handle, 0);
}

// A child that was forked while another thread was in the engine: it drops what it has, and is told all else.
void forked_while_in_use() {
  Engine engine;
  Device used(engine.handle), dropped(engine.handle);
  void* x = used.with(1);
  dropped.compile();
  std::atomic<bool> ends{false};
  std::thread busy([&] {
    phx_memory_stats stats{};
    stats.struct_size = sizeof stats;
    while (!ends) api().memory_stats(engine.handle, &stats);
  });
  for (int k = 0; k < 200; k++) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      phx_memory_stats stats{};
      stats.struct_size = sizeof stats;
      float host = 0;
      const auto refused = [](phx_status status) { return status != PHX_OK && has(last_error(), "'spawn'"); };
      const bool told = refused(api().memory_stats(engine.handle, &stats)) &&
                        refused(api().upload(engine.handle, x, &host, 4)) &&
                        refused(api().download(engine.handle, &host, x, 4)) &&
                        refused(api().set_precision(engine.handle, 0));
      api().release_executable(dropped.program);
      _exit(told ? 0 : 1);
    }
    int end = 0;
    waitpid(child, &end, 0);
    CHECK(WIFEXITED(end) && WEXITSTATUS(end) == 0, "a forked child: %d", end);
    if (end) break;
  }
  ends = true;
  busy.join();
}

}  // namespace

int main() {
  const struct {
    const char* name;
    void (*test)();
  } tests[] = {
      {"versions and cards", versions_and_cards},
      {"whole lives", whole_lives},
      {"copies in order", copies_in_order},
      {"half-way", launches_that_fail_half_way},
      {"steps before", steps_before_a_failure},
      {"losses by any name", losses_by_any_name},
      {"every call fails", [] { every_call_fails(unknown); }},
      {"every call loses", [] { every_call_fails(illegal_address); }},
      {"lost devices", lost_devices},
#if !defined(__SANITIZE_ADDRESS__)
      {"lost beside another", lost_beside_another},
#endif
      {"out of memory", out_of_memory},
      {"elsewhere", out_of_memory_elsewhere},
      {"counted", memory_that_is_counted},
      {"guarded", guarded_memory},
      {"two devices", two_devices},
      {"profiles", profiles},
#if !defined(__SANITIZE_THREAD__)  // which allows a child of several threads nothing
      {"forked while in use", forked_while_in_use},
#endif
  };
  for (const auto& [name, test] : tests) {
    const int before = failures;
    test();
    std::printf("%-20s %s\n", name, failures == before ? "ok" : "FAILED");
    std::fflush(stdout);
  }
  return failures != 0;
}
