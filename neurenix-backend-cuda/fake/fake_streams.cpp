// A stream's thread, and what waits for it. One lock for all: see World.
#include "fake_streams.h"

#include <cstdlib>

#include "fake_control.h"
#include "fake_modules.h"

namespace phynexus::fake {

FakeStream::~FakeStream() {
  {
    std::lock_guard lock(world().mutex);
    ends_ = true;
  }
  world().changed.notify_all();
  thread_.join();
}

void FakeStream::push(Item item) {
  {
    std::lock_guard lock(world().mutex);
    if (item.work) device.queued++;
    if (item.event) item.number = item.records ? ++item.event->recorded : item.event->recorded;
    items_.push_back(std::move(item));
  }
  world().changed.notify_all();
}

void FakeStream::add(std::function<void()> work) { push({std::move(work), nullptr, 0, false}); }
void FakeStream::record(const EventPointer& event) { push({{}, event, 0, true}); }
void FakeStream::wait_in(const EventPointer& event) { push({{}, event, 0, false}); }

void FakeStream::work() {
  World& w = world();
  std::unique_lock lock(w.mutex);
  for (;;) {
    w.changed.wait(lock, [&] { return ends_ || !items_.empty(); });
    if (items_.empty()) return;
    busy_ = true;
    Item item = std::move(items_.front());
    items_.pop_front();
    if (item.work) {
      if (device.error == cuda_success) {
        lock.unlock();
        item.work();
        lock.lock();
      }
      device.queued--;
    } else if (item.records) {
      item.event->done = item.number;
      item.event->when = std::chrono::steady_clock::now();
    } else {
      w.changed.wait(lock, [&] { return item.event->done >= item.number; });
    }
    busy_ = false;
    w.changed.notify_all();
  }
}

void FakeStream::wait_until_idle() {
  World& w = world();
  std::unique_lock lock(w.mutex);
  w.changed.wait(lock, [&] { return items_.empty() && !busy_; });
}

void wait_for(FakeEvent& event) {
  World& w = world();
  std::unique_lock lock(w.mutex);
  const int64_t number = event.recorded;
  w.changed.wait(lock, [&] { return event.done >= number; });
}

bool is_done(FakeEvent& event) {
  std::lock_guard lock(world().mutex);
  return event.done >= event.recorded;
}

}  // namespace phynexus::fake

extern "C" __attribute__((visibility("default"))) void phynexus_fake_enqueue(void* stream,
                                                                             void (*work)(void*),
                                                                             void* data) {
  using namespace phynexus::fake;
  FakeStream& of = *static_cast<FakeStream*>(stream);
  const std::shared_ptr<void> kept(data, std::free);
  of.add([work, kept, &device = of.device] {
    if (take_turn(device) == Turn::runs) work(kept.get());
  });
}
