// Opens streams and code, and hands out memory.
#include "session.h"

#include <cstring>

namespace phynexus::gpu {

Session::Session(Driver& driver, const void* image, const std::unordered_set<const void*>& unusable)
    : driver(driver),
      compute(driver, driver.make_stream()),
      copies(driver, driver.make_stream()),
      timeline(driver, compute),
      memory(driver, unusable),
      module_(driver, driver.load(image)),
      copied_in_(driver, driver.make_event(false)) {
  progress_ = take_word();
}

Session::~Session() {
  // Of a lost device there is nothing to wait for, and the driver says so. A library's handle is then left alone: it
  // may hold what went with the device.
  try {
    wait_for_all();
    if (products_) library_->close(products_);
  } catch (const DriverFailure&) {
  }
  for (const Graph graph : graphs_) driver.give(graph);
  for (const Retired& old : retired_) {
    if (old.graph) driver.give(old.graph);
    if (old.module) driver.give(old.module);
  }
  for (const Module module : modules_) driver.give(module);
}

char* Session::take(int64_t bytes, bool hosts) {
  if (memory.is_due()) give_idle();
  if (char* taken = memory.take(bytes, timeline.latest(), hosts)) return taken;
  make_room();
  if (char* taken = memory.take(bytes, timeline.latest(), hosts)) return taken;
  throw Failure(PHX_OUT_OF_MEMORY, format("%s has no memory for %lld bytes: ", driver.facts().name.c_str(),
                                          static_cast<long long>(bytes)) +
                                       numbers());
}

void Session::give_idle() {
  wait_for_all();
  memory.trim();
}

void Session::make_room() {
  wait_for_all();
  if (scratch_) memory.give(scratch_, 0);
  scratch_ = nullptr;
  scratch_bytes_ = 0;
  memory.trim();
}

std::string Session::numbers() {
  const FreeMemory now = driver.free_memory();
  return format("of its %lld bytes %lld are free, and %lld are in use here",
                static_cast<long long>(now.total), static_cast<long long>(now.free),
                static_cast<long long>(memory.used_bytes()));
}

char* Session::scratch(int64_t bytes) {
  if (bytes <= scratch_bytes_) return scratch_;
  // Runs that still use the old one lie before those that its next owner is in.
  if (scratch_) give(scratch_);
  scratch_ = nullptr;
  scratch_bytes_ = 0;
  scratch_ = take(bytes, false);
  scratch_bytes_ = memory.use_of(scratch_).bytes;
  return scratch_;
}

Kernel Session::kernel(const char* name) {
  const auto found = kernels_.find(name);
  if (found != kernels_.end()) return found->second;
  return kernels_[name] = asked_twice([&] { return driver.find(module_, name); }, [&] { give_idle(); });
}

void Session::open(ProductLibrary& library) {
  char* const workspace = take(library.workspace_bytes(), false);
  try {
    products_ = with_room([&] { return library.open(compute, workspace); });
  } catch (...) {
    give(workspace);
    throw;
  }
  library_ = &library;
}

void Session::multiply(const MatrixProduct& product, char* out, const char* a, const char* b) {
  asked_twice([&] { library_->multiply(products_, product, out, a, b); }, [&] { give_idle(); });
}

void Session::wait_for_copies() {
  if (!wait_for_copies_) return;
  driver.wait_in(compute, copied_in_);
  wait_for_copies_ = false;
}

void Session::wait_for_run(int64_t ticket) {
  if (!timeline.is_done(ticket)) driver.wait_in(copies, timeline.event_behind(ticket));
}

void Session::wait_for_all() {
  driver.wait_for(copies);
  driver.wait_for(compute);
}

Event Session::timer(size_t index) {
  while (timers_.size() <= index) timers_.emplace_back(driver, driver.make_event(true));
  return timers_[index];
}

Pinned Session::take_word() {
  constexpr int64_t page = 4096, word = 64;
  if (words_.empty()) {
    pages_.push_back(with_room([&] { return std::make_unique<OwnedPinned>(driver, page); }));
    const OwnedPinned& made = *pages_.back();
    for (int64_t at = 0; at < page; at += word) words_.push_back({made->host + at, made->device + at});
  }
  const Pinned taken = words_.back();
  words_.pop_back();
  std::memset(taken.host, 0, word);
  return taken;
}

void Session::retire(Graph graph) {
  graphs_.erase(graph);
  retire(Retired{timeline.latest(), graph, nullptr});
}

void Session::retire(Module module) {
  modules_.erase(module);
  retire(Retired{timeline.latest(), nullptr, module});
}

void Session::retire(const Retired& retired) {
  retired_.push_back(retired);
  // In order of their tickets. The driver is asked before anything goes: what it fails at, a later call says.
  size_t done = 0;
  try {
    while (done < retired_.size() && timeline.is_done(retired_[done].ticket)) done++;
  } catch (const DriverFailure&) {
  }
  for (size_t k = 0; k < done; k++) {
    if (retired_[k].graph) driver.give(retired_[k].graph);
    if (retired_[k].module) driver.give(retired_[k].module);
  }
  retired_.erase(retired_.begin(), retired_.begin() + ptrdiff_t(done));
}

}  // namespace phynexus::gpu
