// Aligned memory that is kept for reuse: a program's buffers have the same few sizes, step after step.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace phynexus {

class Allocator {
 public:
  ~Allocator();
  void* take(int64_t bytes);  // at most most_bytes; 64-byte aligned; throws Failure
  void give(void* pointer);   // throws Failure where it is not one of ours
  int64_t allocated_bytes() const { return allocated_.load(std::memory_order_relaxed); }
  int64_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }
  int64_t cached_bytes() const { return cached_.load(std::memory_order_relaxed); }

 private:
  static constexpr int size_classes = 160;
  static constexpr int64_t most_cached_bytes = int64_t(256) << 20;
  void* take_oldest(int size_class);

  struct SizeClass {
    std::vector<void*> free;
    uint64_t used = 0;  // when, counted in calls
  };
  std::array<SizeClass, size_classes> classes_;
  uint64_t calls_ = 0;
  std::atomic<int64_t> allocated_{0}, peak_{0}, cached_{0};
};

}  // namespace phynexus
