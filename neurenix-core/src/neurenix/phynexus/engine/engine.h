// The interface of an engine, which a backend implements; api.cpp puts the C functions of phynexus.h over it.
#pragma once

#include <phynexus.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "plan/plan.h"
#include "run/executable.h"

namespace phynexus {

// One device. Every function may throw Failure (failure.h) or std::bad_alloc: api.cpp makes a status and a message
// of it. Arguments have been checked: no pointer is null, no size negative or absurd.
class Engine {
 public:
  virtual ~Engine() = default;

  // Describes the device, in a struct of zeros. Its opcodes and dtypes never change.
  virtual void describe(phx_capabilities& out) const = 0;
  // From now on runs use so many threads of the host; 0: the engine's choice.
  virtual void set_threads(int32_t) {}
  // What is compiled from now on rounds the factors of products so; a phx_precision that describe() names.
  virtual void set_precision(int32_t) {}

  virtual void* allocate(int64_t bytes) = 0;
  virtual void release(void* pointer) = 0;
  virtual void upload(void* device, const void* host, int64_t bytes) = 0;
  virtual void download(void* host, const void* device, int64_t bytes) = 0;
  virtual void memory_stats(phx_memory_stats& out) const = 0;  // in a struct of zeros

  // Makes a plan ready that has been checked, and has no opcode or dtype that describe() does not name. The
  // executable may refer to this engine: it does not outlive it.
  virtual std::unique_ptr<Executable> compile(std::unique_ptr<const Plan> plan) = 0;
  virtual void synchronize() {}
  // Opens the device again, where it was lost. Throws Failure, which says why it cannot.
  virtual void revive() {}
  // What people should know of the device, a line each.
  virtual std::string notes() const { return {}; }

  std::atomic<int64_t> runs{0};
  std::atomic<bool> profiling{false};
};

// A backend's library, the one name that it defines for api.cpp.
struct Library {
  const char* version;        // for people, such as "0.1.0"
  int32_t (*device_count)();  // throws Failure where it knows why there is none
  std::shared_ptr<Engine> (*create)(int32_t device, int32_t threads);  // 0 threads: the engine's choice
};
extern const Library library;

}  // namespace phynexus
