// All that lives on a device from when it is opened until it is lost, or let go.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "../driver/handles.h"
#include "../driver/product_library.h"
#include "allocator.h"
#include "staging.h"
#include "timeline.h"

namespace phynexus::gpu {

class Session {
 public:
  // `image`: the device's code.
  Session(Driver& driver, const void* image, const std::unordered_set<const void*>& unusable);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  Driver& driver;
  const Owned<Stream> compute, copies;
  Timeline timeline;
  Allocator memory;
  Staging uploads{8}, downloads{2};

  // f(), which asks the driver for something between two runs. Where it has no memory for that, once more after all
  // that is idle was given back to it; then DriverFailure, with the numbers.
  template <class F>
  auto with_room(const F& f) {
    return asked_twice(f, [&] { make_room(); });
  }
  // Puts something into the compute stream; the same, but that the scratch is in use.
  template <class Launched>
  void launch(const Launched& what) {
    asked_twice([&] { driver.launch(what, compute); }, [&] { give_idle(); });
  }

  // Memory, where there is none after all that is idle was given back to the driver: Failure, with the numbers.
  char* take(int64_t bytes, bool hosts);
  bool give(const void* pointer) { return memory.give(static_cast<const char*>(pointer), timeline.latest()); }
  // The scratch of a run: the same for all, since they go one after another.
  char* scratch(int64_t bytes);

  Kernel kernel(const char* name);

  // The vendor's library of products, which outlives the session, with a workspace here. Throws Failure.
  void open(ProductLibrary& library);
  bool has_products() const { return products_ != nullptr; }
  void multiply(const MatrixProduct& product, char* out, const char* a, const char* b);

  // The runs that follow wait for the copies that were made before.
  void copied_in() { driver.record(copied_in_, copies), wait_for_copies_ = true; }
  void wait_for_copies();
  // The copies that follow wait for a run.
  void wait_for_run(int64_t ticket);
  // The host waits for all work.
  void wait_for_all();

  // Where kernels say which launch has begun: see Arguments::progress.
  const Pinned& progress() const { return progress_; }
  // Events with times, for profiles.
  Event timer(size_t index);

  // A few bytes that both sides see: 64, zeros.
  Pinned take_word();
  void give_word(const Pinned& word) { words_.push_back(word); }

  void keep(Graph graph) { graphs_.insert(graph); }
  void keep(Module module) { modules_.insert(module); }
  // It goes once the runs that use it are done.
  void retire(Graph graph);
  void retire(Module module);

 private:
  Owned<Module> module_;
  std::unordered_map<std::string, Kernel> kernels_;
  Owned<Event> copied_in_;
  bool wait_for_copies_ = false;
  char* scratch_ = nullptr;
  int64_t scratch_bytes_ = 0;
  std::vector<std::unique_ptr<OwnedPinned>> pages_;
  std::vector<Pinned> words_;
  Pinned progress_;
  std::vector<Owned<Event>> timers_;
  std::unordered_set<Graph> graphs_;
  std::unordered_set<Module> modules_;
  struct Retired {
    int64_t ticket = 0;  // of the last run
    Graph graph = nullptr;
    Module module = nullptr;
  };
  void retire(const Retired& old);
  std::vector<Retired> retired_;
  ProductLibrary* library_ = nullptr;
  Products products_ = nullptr;

  template <class F, class Room>
  auto asked_twice(const F& f, const Room& make) {
    try {
      return f();
    } catch (const DriverFailure& failure) {
      if (failure.status != PHX_OUT_OF_MEMORY) throw;
    }
    make();
    try {
      return f();
    } catch (const DriverFailure& failure) {
      if (failure.status != PHX_OUT_OF_MEMORY) throw;
      throw DriverFailure(PHX_OUT_OF_MEMORY, failure.what() + ("; " + numbers()), failure.lost);
    }
  }
  // Waits, and gives back to the driver what nothing lies in; with the scratch.
  void give_idle();
  void make_room();
  std::string numbers();
};

}  // namespace phynexus::gpu
