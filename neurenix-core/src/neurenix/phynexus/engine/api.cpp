// The C functions of phynexus.h over an engine: each checks its arguments, and no exception passes through here.
#include <phynexus.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "engine.h"
#include "failure.h"
#include "plan/declared.h"
#include "plan/limits.h"

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

}  // namespace
}  // namespace phynexus

// An executable keeps its engine alive, in whatever order the two are let go.
struct phx_engine {
  std::shared_ptr<phynexus::Engine> engine;
  phx_capabilities declared;
};

struct phx_executable {
  std::shared_ptr<phynexus::Engine> engine;
  std::unique_ptr<phynexus::Executable> executable;
};

namespace phynexus {
namespace {

Engine& engine_of(phx_engine* handle) {
  require(handle && handle->engine, "the engine is null");
  return *handle->engine;
}

int32_t checked_threads(int32_t threads) {
  require(threads >= 0 && threads <= 1024, "threads must be between 0 (the engine's choice) and 1024");
  return threads;
}

int32_t device_count() {
  int32_t count = 0;
  message_of_last_error.clear();
  const phx_status status = guarded([&] { count = library.device_count(); });
  return status == PHX_OK || status == PHX_INVALID_ARGUMENT ? count : -1;
}

void set_declared_precision(phx_engine& handle, int32_t precision) {
  static constexpr const char* names[] = {"float32", "TF32", "bfloat16"};
  require(precision >= PHX_PRODUCTS_FLOAT32 && precision <= PHX_PRODUCTS_BFLOAT16,
          "there is no such precision");
  if (precision != PHX_PRODUCTS_FLOAT32 && !(handle.declared.precisions >> precision & 1))
    lack(format("%s computes float32 products without rounding their factors, not in %s",
                handle.declared.name, names[precision]));
  handle.engine->set_precision(precision);
}

const char* last_error() { return message_of_last_error.c_str(); }

phx_status create(int32_t device, const phx_options* options, phx_engine** out) {
  return guarded([&] {
    require(out, "create: the place for the engine is null");
    *out = nullptr;
    const int32_t devices = library.device_count();
    if (device < 0 || device >= devices)
      refuse(format("there is no device %d: this engine has %d", device, devices));
    const auto reaches = [&](size_t end) { return options && options->struct_size >= end; };
    const int32_t threads = reaches(offsetof(phx_options, unused)) ? options->threads : 0,
                  precision = reaches(sizeof(phx_options)) ? options->precision : 0;
    auto handle = std::make_unique<phx_engine>();
    handle->engine = library.create(device, checked_threads(threads));
    handle->engine->describe(handle->declared);
    if (precision) set_declared_precision(*handle, precision);
    *out = handle.release();
  });
}

void destroy(phx_engine* engine) { delete engine; }

phx_status capabilities(phx_engine* engine, phx_capabilities* out) {
  return guarded([&] {
    require(out, "capabilities: the place for them is null");
    const size_t first = offsetof(phx_capabilities, fused_operations);
    require(out->struct_size >= first, "phx_capabilities.struct_size is smaller than version 1.0's");
    phx_capabilities all{};
    engine_of(engine).revive();
    engine_of(engine).describe(all);
    all.struct_size = out->struct_size;
    std::memcpy(out, &all, std::min(all.struct_size, sizeof all));
  });
}

phx_status set_threads(phx_engine* engine, int32_t threads) {
  return guarded([&] { engine_of(engine).set_threads(checked_threads(threads)); });
}

phx_status set_precision(phx_engine* engine, int32_t precision) {
  return guarded([&] {
    engine_of(engine);
    set_declared_precision(*engine, precision);
  });
}

phx_status allocate(phx_engine* engine, int64_t bytes, void** out) {
  return guarded([&] {
    require(out, "allocate: the place for the pointer is null");
    require(bytes >= 0 && bytes < most_bytes, "allocate: a negative or absurd number of bytes");
    *out = engine_of(engine).allocate(bytes);
  });
}

phx_status release(phx_engine* engine, void* pointer) {
  return guarded([&] {
    Engine& device = engine_of(engine);
    if (pointer) device.release(pointer);
  });
}

phx_status upload(phx_engine* engine, void* device, const void* host, int64_t bytes) {
  return guarded([&] {
    Engine& to = engine_of(engine);
    require(bytes >= 0 && (bytes == 0 || (device && host)), "upload: a null pointer or a negative size");
    if (bytes) to.upload(device, host, bytes);
  });
}

phx_status download(phx_engine* engine, void* host, const void* device, int64_t bytes) {
  return guarded([&] {
    Engine& from = engine_of(engine);
    require(bytes >= 0 && (bytes == 0 || (device && host)), "download: a null pointer or a negative size");
    if (bytes) from.download(host, device, bytes);
  });
}

phx_status compile(phx_engine* engine, const phx_plan* source, phx_executable** out) {
  return guarded([&] {
    require(out, "compile: the place for the executable is null");
    *out = nullptr;
    require(source, "compile: the plan is null");
    Engine& device = engine_of(engine);
    auto plan = std::make_unique<Plan>();
    decode(*source, *plan);
    validate(*plan);
    refuse_undeclared(*plan, engine->declared);
    *out = new phx_executable{engine->engine, device.compile(std::move(plan))};
  });
}

void release_executable(phx_executable* executable) { delete executable; }

phx_status run(phx_executable* handle, void* const* inputs, void* const* outputs) {
  return guarded([&] {
    require(handle, "run: the executable is null");
    handle->engine->runs.fetch_add(1, std::memory_order_relaxed);
    handle->executable->run(inputs, outputs);
  });
}

phx_status run_steps(phx_executable* handle, phx_steps* steps) {
  return guarded([&] {
    require(handle, "run_steps: the executable is null");
    require(steps && steps->struct_size >= sizeof(phx_steps), "phx_steps.struct_size is too small");
    handle->engine->runs.fetch_add(1, std::memory_order_relaxed);
    handle->executable->run_steps(*steps);
  });
}

phx_status set_profiling(phx_engine* engine, int32_t on) {
  return guarded([&] { engine_of(engine).profiling.store(on != 0, std::memory_order_relaxed); });
}

phx_status read_profile(phx_executable* handle, phx_cost* costs, int32_t capacity) {
  return guarded([&] {
    require(handle && costs, "read_profile: the executable or the place for the costs is null");
    handle->executable->take_costs(costs, capacity);
  });
}

phx_status memory_bytes(phx_executable* handle, int32_t threads, int64_t* bytes) {
  return guarded([&] {
    require(handle && bytes, "memory_bytes: the executable or the place for the bytes is null");
    *bytes = handle->executable->memory_bytes(checked_threads(threads));
  });
}

phx_status notes(phx_engine* engine, char* text, int64_t capacity, int64_t* bytes) {
  return guarded([&] {
    require(text && bytes && capacity > 0, "notes: there is no room for them");
    const std::string lines = engine_of(engine).notes();
    const size_t fits = std::min(lines.size(), size_t(capacity) - 1);
    std::memcpy(text, lines.data(), fits);
    text[fits] = 0;
    *bytes = int64_t(lines.size()) + 1;
  });
}

phx_status synchronize(phx_engine* engine) {
  return guarded([&] { engine_of(engine).synchronize(); });
}

phx_status memory_stats(phx_engine* engine, phx_memory_stats* out) {
  return guarded([&] {
    const Engine& device = engine_of(engine);
    const size_t first = offsetof(phx_memory_stats, cached_bytes);
    require(out && out->struct_size >= first, "phx_memory_stats.struct_size is too small");
    phx_memory_stats stats{};
    device.memory_stats(stats);
    stats.struct_size = out->struct_size;
    std::memcpy(out, &stats, std::min(stats.struct_size, sizeof stats));
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
      .struct_size = sizeof(phx_api),
      .abi_major = PHX_ABI_MAJOR,
      .abi_minor = PHX_ABI_MINOR,
      .engine_version = library.version,
      .device_count = device_count,
      .last_error = last_error,
      .create = create,
      .destroy = destroy,
      .capabilities = capabilities,
      .set_threads = set_threads,
      .allocate = allocate,
      .release = release,
      .upload = upload,
      .download = download,
      .compile = compile,
      .release_executable = release_executable,
      .run = run,
      .synchronize = synchronize,
      .memory_stats = memory_stats,
      .run_count = run_count,
      .run_steps = run_steps,
      .set_profiling = set_profiling,
      .read_profile = read_profile,
      .memory_bytes = memory_bytes,
      .notes = notes,
      .set_precision = set_precision,
  };
  return &api;
}
