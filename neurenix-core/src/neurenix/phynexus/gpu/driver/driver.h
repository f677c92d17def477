// A GPU's driver as the engine sees it: one device, without a word of CUDA or HIP. Whoever binds a vendor's library
// implements it, call by call; nothing here decides anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../../engine/failure.h"

namespace phynexus::gpu {

// What a call of the driver has answered. `lost`: the device's memory and all that was made on it are gone; `reset`: its
// handles and the host's pinned memory too, so that none may be touched.
struct DriverFailure : Failure {
  DriverFailure(phx_status status, const std::string& message, bool lost, bool reset = false)
      : Failure(status, message), lost(lost), reset(reset) {}
  bool lost, reset;
};

// Handles are the vendor's, and null where there is none.
struct StreamHandle;
struct EventHandle;
struct ModuleHandle;
struct KernelHandle;
struct GraphHandle;
using Stream = StreamHandle*;
using Event = EventHandle*;
using Module = ModuleHandle*;
using Kernel = KernelHandle*;
using Graph = GraphHandle*;

struct DeviceFacts {
  std::string name;          // "NVIDIA H100 80GB HBM3"
  std::string architecture;  // "sm_90"
  int64_t memory_bytes = 0;
  int32_t multiprocessors = 1;
  int32_t shared_bytes = 48 << 10;  // that a block may have at most
};

// Memory of the host that the device sees, at addresses of its own.
struct Pinned {
  char* host = nullptr;
  char* device = nullptr;
};

struct FreeMemory {
  int64_t free = 0, total = 0;
};

struct KernelLaunch {
  Kernel kernel = nullptr;
  int64_t blocks = 1;
  int32_t threads = 0;
  int32_t shared_bytes = 0;
  const void* argument = nullptr;  // the struct that it takes; read before the call returns
  int32_t level = 0;               // in a graph: it waits for all launches of lower levels
};

// Every function may throw DriverFailure, but those that give something back: what they fail at, a later call says.
// Between enter() and leave(), of one thread; calls of several threads at once are the vendor's to order.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual const DeviceFacts& facts() const = 0;

  virtual void enter() = 0;
  virtual void leave() noexcept = 0;
  // Throws away all that was made on the device, which is lost, and opens it anew.
  virtual void reopen() = 0;
  // Another library has reset the device: what was made on it is neither given back nor waited for any more.
  virtual void forget() noexcept = 0;
  // Whether another driver of this process has done that, or forget() was called: all that was made by this one is
  // gone, the host's pinned memory too.
  virtual bool is_reset() const = 0;

  virtual char* take(int64_t bytes) = 0;  // null: there is not so much
  virtual void give(char* memory) noexcept = 0;
  virtual FreeMemory free_memory() = 0;
  virtual Pinned take_pinned(int64_t bytes) = 0;
  virtual void give_pinned(const Pinned& memory) noexcept = 0;

  virtual Stream make_stream() = 0;
  virtual void give(Stream stream) noexcept = 0;
  virtual void wait_for(Stream stream) = 0;  // the host waits

  virtual Event make_event(bool timed) = 0;
  virtual void give(Event event) noexcept = 0;
  virtual void record(Event event, Stream stream) = 0;
  virtual void wait_for(Event event) = 0;  // the host waits
  virtual void wait_in(Stream stream, Event event) = 0;
  virtual bool is_done(Event event) = 0;
  virtual int64_t nanoseconds_between(Event first, Event second) = 0;

  // Asynchronous; the host's memory is pinned.
  virtual void copy_in(char* device, const char* host, int64_t bytes, Stream stream) = 0;
  virtual void copy_out(char* host, const char* device, int64_t bytes, Stream stream) = 0;

  virtual Module load(const void* image) = 0;
  virtual void give(Module module) noexcept = 0;
  virtual Kernel find(Module module, const char* kernel) = 0;  // with all of a block's shared memory allowed
  virtual void launch(const KernelLaunch& launch, Stream stream) = 0;

  virtual Graph make_graph(const std::vector<KernelLaunch>& launches) = 0;  // in order of their levels
  virtual void give(Graph graph) noexcept = 0;
  virtual void launch(Graph graph, Stream stream) = 0;
};

// Within its life, this thread's calls go to the device.
class Entered {
 public:
  explicit Entered(Driver& driver) : driver_(driver) { driver_.enter(); }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;
  ~Entered() { driver_.leave(); }

 private:
  Driver& driver_;
};

}  // namespace phynexus::gpu
