// Handles that are given back with the object that holds them.
#pragma once

#include <utility>

#include "driver.h"

namespace phynexus::gpu {

template <class Handle>
class Owned {
 public:
  Owned() = default;
  Owned(Driver& driver, Handle handle) : driver_(&driver), handle_(handle) {}
  Owned(Owned&& other) noexcept { swap(other); }
  Owned& operator=(Owned&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Owned() {
    if (handle_) driver_->give(handle_);
  }
  operator Handle() const { return handle_; }

 private:
  void swap(Owned& other) {
    std::swap(driver_, other.driver_);
    std::swap(handle_, other.handle_);
  }
  Driver* driver_ = nullptr;
  Handle handle_ = nullptr;
};

class OwnedPinned {
 public:
  OwnedPinned(Driver& driver, int64_t bytes) : driver_(driver), memory_(driver.take_pinned(bytes)) {}
  OwnedPinned(const OwnedPinned&) = delete;
  OwnedPinned& operator=(const OwnedPinned&) = delete;
  ~OwnedPinned() { driver_.give_pinned(memory_); }
  const Pinned* operator->() const { return &memory_; }

 private:
  Driver& driver_;
  Pinned memory_;
};

}  // namespace phynexus::gpu
