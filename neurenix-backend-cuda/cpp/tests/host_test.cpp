// The host's side against the fake driver: copies in order with runs, several steps, every call of the driver that
// fails, and two devices.
#include <thread>

#include "host_fixture.h"

using namespace host_test;

namespace {

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

}  // namespace

int main() {
  return run_all({
      {"versions and cards", versions_and_cards},
      {"whole lives", whole_lives},
      {"copies in order", copies_in_order},
      {"half-way", launches_that_fail_half_way},
      {"steps before", steps_before_a_failure},
      {"every call fails", [] { every_call_fails(unknown); }},
      {"every call loses", [] { every_call_fails(illegal_address); }},
      {"two devices", two_devices},
      {"profiles", profiles},
  });
}
