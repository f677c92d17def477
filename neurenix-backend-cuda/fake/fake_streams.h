// Streams and events of the fake driver: a stream is a thread that does its work in order, so that what a program
// forgets to wait for is not there yet.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "fake_devices.h"

namespace phynexus::fake {

struct FakeEvent {
  int64_t recorded = 0, done = 0;  // how often
  std::chrono::steady_clock::time_point when;
};

// Streams that wait for it keep it.
using EventPointer = std::shared_ptr<FakeEvent>;

class FakeStream {
 public:
  explicit FakeStream(Device& device) : device(device), thread_([this] { work(); }) {}
  ~FakeStream();
  // `work` runs without the world's lock, and not at all once the device is lost.
  void add(std::function<void()> work);
  void record(const EventPointer& event);
  void wait_in(const EventPointer& event);
  void wait_until_idle();
  Device& device;

 private:
  struct Item {
    std::function<void()> work;
    EventPointer event;  // to be recorded, or waited for where there is no work
    int64_t number = 0;
    bool records = false;
  };
  void push(Item item);
  void work();

  std::deque<Item> items_;
  bool busy_ = false, ends_ = false;
  std::thread thread_;
};

// The host waits for what was recorded last.
void wait_for(FakeEvent& event);
bool is_done(FakeEvent& event);

}  // namespace phynexus::fake
