// The runs that were put into the compute stream, numbered by tickets, and the events behind the latest of them.
#pragma once

#include <algorithm>
#include <array>

#include "../driver/handles.h"

namespace phynexus::gpu {

class Timeline {
 public:
  Timeline(Driver& driver, Stream stream) : driver_(driver), stream_(stream) {
    for (Owned<Event>& event : events_) event = Owned<Event>(driver, driver.make_event(false));
  }

  // What has been put into the stream up to now has this ticket.
  int64_t latest() const { return latest_; }
  // After a run was put there: the event behind it, until `count` more have come.
  Event mark() {
    const Event event = events_[size_t((latest_ + 1) % count)];
    driver_.record(event, stream_);
    latest_++;
    return event;
  }
  bool is_done(int64_t ticket) {
    if (ticket > done_ && driver_.is_done(event_behind(ticket))) done_ = ticket;
    return ticket <= done_;
  }
  // An event that comes behind that run, not long after it; of a ticket above 0.
  Event event_behind(int64_t ticket) const {
    return events_[size_t(std::max(ticket, latest_ - count + 1) % count)];
  }

 private:
  static constexpr int64_t count = 64;
  Driver& driver_;
  Stream stream_;
  std::array<Owned<Event>, size_t(count)> events_;
  int64_t latest_ = 0, done_ = 0;
};

}  // namespace phynexus::gpu
