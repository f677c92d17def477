// The C ABI of phynexus.h: no exception passes through here.
#include <phynexus.h>

#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "engine.h"
#include "engine/failure.h"
#include "executable.h"

#if defined(_WIN32)
#define PHYNEXUS_EXPORT __declspec(dllexport)
#else
#define PHYNEXUS_EXPORT __attribute__((visibility("default")))
#endif

namespace phynexus {
namespace {

thread_local std::string message_of_last_error;

phx_status failed(phx_status status, const char* message) noexcept {
  try {
    message_of_last_error = message;
  } catch (...) {
    message_of_last_error.clear();
  }
  return status;
}

template <class F>
phx_status guarded(const F& f) noexcept {
  try {
    f();
    return PHX_OK;
  } catch (const Failure& failure) {
    return failed(failure.status, failure.what());
  } catch (const std::bad_alloc&) {
    return failed(PHX_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return failed(PHX_DEVICE_ERROR, error.what());
  } catch (...) {
    return failed(PHX_DEVICE_ERROR, "an unknown failure in the engine");
  }
}

Engine& engine_of(phx_engine* handle) {
  require(handle && handle->engine, "the engine is null");
  return *handle->engine;
}

int32_t device_count() { return 1; }

const char* last_error() { return message_of_last_error.c_str(); }

phx_status create(int32_t device_index, const phx_options* options, phx_engine** out) {
  return guarded([&] {
    require(out, "create: the place for the engine is null");
    *out = nullptr;
    require(device_index == 0, "there is one CPU device, number 0");
    const bool known = options && options->struct_size >= sizeof(phx_options);
    *out = new phx_engine{std::make_shared<Engine>(threads_for(known ? options->threads : 0))};
  });
}

void destroy(phx_engine* engine) { delete engine; }

phx_status capabilities(phx_engine* engine, phx_capabilities* out) {
  return guarded([&] {
    require(out, "capabilities: the place for them is null");
    describe(engine_of(engine), *out);
  });
}

phx_status set_threads(phx_engine* engine, int32_t threads) {
  return guarded([&] {
    engine_of(engine).pool.resize(threads_for(threads));
    engine_of(engine).arenas.let_go();
  });
}

phx_status allocate(phx_engine* engine, int64_t bytes, void** out) {
  return guarded([&] {
    require(out, "allocate: the place for the pointer is null");
    *out = engine_of(engine).allocator.take(bytes);
  });
}

phx_status release(phx_engine* engine, void* pointer) {
  return guarded([&] { engine_of(engine).allocator.give(pointer); });
}

phx_status move_bytes(phx_engine* engine, void* to, const void* from, int64_t bytes) {
  return guarded([&] {
    engine_of(engine);
    require(bytes >= 0 && (bytes == 0 || (to && from)),
            "upload or download: a null pointer or a negative size");
    if (bytes) std::memcpy(to, from, size_t(bytes));
  });
}

phx_status compile(phx_engine* engine, const phx_plan* plan, phx_executable** out) {
  return guarded([&] {
    require(out, "compile: the place for the executable is null");
    *out = nullptr;
    require(plan, "compile: the plan is null");
    engine_of(engine);
    *out = new phx_executable{Executable(engine->engine, *plan)};
  });
}

void release_executable(phx_executable* executable) { delete executable; }

phx_status run(phx_executable* executable, void* const* inputs, void* const* outputs) {
  return guarded([&] {
    require(executable, "run: the executable is null");
    executable->executable.run(inputs, outputs);
  });
}

phx_status run_steps(phx_executable* executable, phx_steps* steps) {
  return guarded([&] {
    require(executable, "run_steps: the executable is null");
    require(steps && steps->struct_size >= sizeof(phx_steps), "phx_steps.struct_size is too small");
    executable->executable.run_steps(*steps);
  });
}

phx_status set_profiling(phx_engine* engine, int32_t on) {
  return guarded([&] { engine_of(engine).profiling.store(on != 0, std::memory_order_relaxed); });
}

phx_status read_profile(phx_executable* executable, phx_cost* costs, int32_t capacity) {
  return guarded([&] {
    require(executable && costs, "read_profile: the executable or the place for the costs is null");
    executable->executable.take_costs(costs, capacity);
  });
}

phx_status memory_bytes(phx_executable* executable, int32_t threads, int64_t* bytes) {
  return guarded([&] {
    require(executable && bytes, "memory_bytes: the executable or the place for the bytes is null");
    *bytes = executable->executable.memory_bytes(threads);
  });
}

phx_status synchronize(phx_engine* engine) {
  return guarded([&] { engine_of(engine); });  // run() returns when all is done
}

phx_status memory_stats(phx_engine* handle, phx_memory_stats* out) {
  return guarded([&] {
    const Engine& engine = engine_of(handle);
    const size_t first = offsetof(phx_memory_stats, cached_bytes);
    require(out && out->struct_size >= first, "phx_memory_stats.struct_size is too small");
    out->allocated_bytes = engine.allocator.allocated_bytes();
    out->peak_bytes = engine.allocator.peak_bytes();
    out->arena_bytes = engine.arenas.arena_bytes();
    if (out->struct_size > first)
      out->cached_bytes = engine.allocator.cached_bytes() + engine.arenas.packed_bytes();
  });
}

int64_t run_count(phx_engine* engine) {
  return engine && engine->engine ? engine->engine->runs.load(std::memory_order_relaxed) : 0;
}

}  // namespace
}  // namespace phynexus

extern "C" PHYNEXUS_EXPORT const phx_api* phynexus_api(void) {
  using namespace phynexus;
  static const phx_api api = {
      sizeof(phx_api), PHX_ABI_MAJOR, PHX_ABI_MINOR, PHYNEXUS_VERSION,   device_count, last_error,
      create,          destroy,       capabilities,  set_threads,        allocate,     release,
      move_bytes,      move_bytes,    compile,       release_executable, run,          synchronize,
      memory_stats,    run_count,     run_steps,     set_profiling,      read_profile, memory_bytes,
  };
  return &api;
}
