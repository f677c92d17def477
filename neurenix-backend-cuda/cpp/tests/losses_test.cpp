// Devices that are lost, by themselves or beside another engine, and processes that were forked: what is gone says so.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "host_fixture.h"

using namespace host_test;

namespace {

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
  return run_all({
      {"losses by any name", losses_by_any_name},
      {"lost devices", lost_devices},
      {"lost beside another", lost_beside_another},
#if !defined(__SANITIZE_THREAD__)  // which allows a child of several threads nothing
      {"forked while in use", forked_while_in_use},
#endif
  });
}
