// The engine of a GPU over any vendor's driver: memory, copies and runs, in the order in which they were asked for.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "../../engine/engine.h"
#include "../codegen/code_maker.h"
#include "../lower/launches.h"
#include "found_library.h"
#include "session.h"

namespace phynexus::gpu {

class GpuExecutable;

// What a backend brings for one device.
struct Binding {
  std::unique_ptr<Driver> driver;
  const void* image = nullptr;  // the device's code; it outlives the engine
  int32_t threads = 256;        // of a block
  int32_t lanes = 32;
  std::unique_ptr<Compiler> compiler;  // for code at run time; null: there is none, and why
  std::string no_compiler;
  std::string cache = "gpu";         // the folder's name, for what it makes
  std::string runs_on;               // "driver for CUDA 13.0"
  uint32_t precisions = 1;           // of phx_capabilities
  FoundLibrary::Find find_products;  // the vendor's library of them; null: none is wanted, and why
  std::string no_products;
  int64_t least_of_library = 0;  // see Target, for these
  bool library_rounds = true, tensor_cores = false;
};

class GpuEngine final : public Engine {
 public:
  explicit GpuEngine(Binding binding);
  ~GpuEngine() override;

  void describe(phx_capabilities& out) const override;
  void* allocate(int64_t bytes) override;
  void release(void* pointer) override;
  void upload(void* device, const void* host, int64_t bytes) override;
  void download(void* host, const void* device, int64_t bytes) override;
  void memory_stats(phx_memory_stats& out) const override;
  std::unique_ptr<Executable> compile(std::unique_ptr<const Plan> plan) override;
  void set_precision(int32_t precision) override;
  void synchronize() override;
  void revive() override;
  std::string notes() const override;

  Target target() const {
    std::lock_guard lock(mutex_);
    return target_;
  }
  // Changes when the device is lost, and when it is opened again.
  int64_t session_number() const { return session_number_.load(std::memory_order_acquire); }

  // f(session), with the device entered, while no other thread is in here. A device that was lost is opened first; a
  // loss that f finds is said with the instruction at fault, as far as it is known. `expected`: only in that session.
  static constexpr int64_t any = -1;
  template <class F>
  auto in_session(int64_t expected, const F& f) {
    refuse_fork();
    std::lock_guard lock(mutex_);
    try {
      if (!session_) open();
      if (expected != any && expected != session_number_) refuse_lost();
      const Entered in(*binding_.driver);
      return f(*session_);
    } catch (const DriverFailure& failure) {
      surface(failure);
    }
  }
  // f(session), with the device entered, while others go on: to wait, and to use memory that both sides see.
  template <class F>
  void beside(int64_t expected, const F& f) {
    try {
      std::shared_lock living(living_);
      if (expected != session_number_ || !session_) refuse_lost();
      const Entered in(*binding_.driver);
      f(*session_);
    } catch (const DriverFailure& failure) {
      std::lock_guard lock(mutex_);
      if (expected != session_number_) refuse_lost();
      surface(failure);
    }
  }
  // f(session) where it is still that one: to give back what lies in it.
  template <class F>
  void if_living(int64_t expected, const F& f) {
    if (is_forked()) return;
    std::lock_guard lock(mutex_);
    if (!session_ || expected != session_number_) return;
    try {
      const Entered in(*binding_.driver);
      f(*session_);
    } catch (const DriverFailure&) {
      // Whoever comes next meets it again, and can be told.
    }
  }

  // f() while no other thread is in here.
  template <class F>
  void alone(const F& f) {
    refuse_fork();
    std::lock_guard lock(mutex_);
    f();
  }

  // Opens the library of products where it is not: the number of the session that has it. `any`: it is not found, or
  // does not open, and no plan that is lowered from now on has products for it.
  int64_t open_products();

  // Null: no code is made at run time.
  CodeMaker* maker() const { return maker_.get(); }

  // Refuses a process that was forked after the engine was made: before any lock, which a thread that is not in the
  // child may hold for ever.
  void refuse_fork() const;
  // Refuses pointers that lay on the device when it was lost.
  void refuse_dead(const void* const* pointers, size_t count) const;

  // Executables are known by a number above 0: see Arguments::mark.
  int32_t enlist(const GpuExecutable& executable);
  void strike(int32_t number);

 private:
  void open();
  void open_first();
  void open_again();
  void open_session();
  bool answers() const;  // the driver, for the device
  [[noreturn]] void surface(const DriverFailure& failure);
  bool still_works() const;
  [[noreturn]] void refuse_lost() const;
  std::string place_of_fault() const;
  void check_place(Session& session, const void* device, int64_t bytes) const;
  bool is_forked() const;

  Binding binding_;
  std::unique_ptr<CodeMaker> maker_;
  // The first guards all below; the second is held while the session must not end, and whole where it does.
  mutable std::mutex mutex_;
  std::shared_mutex living_;
  Target target_;
  mutable FoundLibrary products_;
  std::mutex uploads_, downloads_;        // a copy at a time in each direction
  std::unordered_set<const void*> dead_;  // the host still has them, and what they led to is lost
  std::unique_ptr<Session> session_;
  std::atomic<int64_t> session_number_{0};
  std::string lost_;  // why; empty: it is not
  int64_t peak_ = 0;
  std::unordered_map<int32_t, const GpuExecutable*> executables_;
  int32_t executables_made_ = 0;
  const int forks_;  // of this process, when the engine was made
};

}  // namespace phynexus::gpu
