// Memory against the fake driver: what runs out, what is counted, and what is kept apart for a sanitizer.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include <cstdlib>

#include "host_fixture.h"

using namespace host_test;

namespace {

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

}  // namespace

int main() {
  return run_all({
      {"out of memory", out_of_memory},
      {"elsewhere", out_of_memory_elsewhere},
      {"counted", memory_that_is_counted},
      {"guarded", guarded_memory},
  });
}
