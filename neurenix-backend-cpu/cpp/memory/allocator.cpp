// Keeps freed blocks in a list for each size class, and drops blocks when too many bytes are kept.
#include "allocator.h"

#include <cstdlib>
#include <cstring>

#include "engine/failure.h"
#include "engine/host_memory.h"
#include "engine/lock.h"

namespace phynexus {

namespace {

constexpr int64_t alignment = PHX_ALIGNMENT;
constexpr uint64_t live_mark = 0x7068796e65787573;  // in the header of a buffer that is in use

struct Header {
  uint64_t mark;
  int64_t bytes;  // of the size class
  int32_t size_class;
};
static_assert(sizeof(Header) <= alignment);

Header* header_of(void* pointer) {
  return reinterpret_cast<Header*>(static_cast<char*>(pointer) - alignment);
}

// Four classes to each power of two: at most a quarter is wasted.
int size_class_of(int64_t bytes, int64_t& rounded) {
  int64_t n = bytes < alignment ? alignment : bytes;
  const int power = 63 - __builtin_clzll(uint64_t(n));
  const int64_t step = int64_t(1) << (power - 2);
  const int64_t quarters = (n - (int64_t(1) << power) + step - 1) / step;
  rounded = (int64_t(1) << power) + quarters * step;
  return (power - 6) * 4 + int(quarters);
}

}  // namespace

Allocator::~Allocator() {
  for (auto& each : classes_)
    for (void* pointer : each.free) aligned_give(reinterpret_cast<char*>(header_of(pointer)));
}

void* Allocator::take(int64_t bytes) {
  int64_t rounded;
  const int size_class = size_class_of(bytes, rounded);
  void* pointer = nullptr;
  {
    std::lock_guard lock(engine_lock());
    SizeClass& mine = classes_[size_t(size_class)];
    mine.used = ++calls_;
    if (!mine.free.empty()) {
      pointer = mine.free.back();
      mine.free.pop_back();
      cached_ -= rounded;
    }
  }
  if (!pointer) pointer = aligned_take(rounded + alignment) + alignment;
  *header_of(pointer) = {live_mark, rounded, size_class};
  const int64_t now = allocated_.fetch_add(rounded, std::memory_order_relaxed) + rounded;
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return pointer;
}

void Allocator::give(void* pointer) {
  Header* header = header_of(pointer);
  require(reinterpret_cast<uintptr_t>(pointer) % alignment == 0 && header->mark == live_mark,
          "release: the pointer did not come from allocate, or was released before");
  header->mark = 0;
  allocated_.fetch_sub(header->bytes, std::memory_order_relaxed);
  while (pointer) {
    void* dropped = pointer;
    {
      std::lock_guard lock(engine_lock());
      SizeClass& mine = classes_[size_t(header->size_class)];
      if (cached_ + header->bytes <= most_cached_bytes) {
        mine.free.push_back(pointer);
        mine.used = ++calls_;
        cached_ += header->bytes;
        return;
      }
      // Makes room by dropping a block of the class that was used least recently, but never of its own class.
      if (header->bytes <= most_cached_bytes)
        if (void* other = take_oldest(header->size_class)) dropped = other;
    }
    if (dropped == pointer) pointer = nullptr;
    aligned_give(reinterpret_cast<char*>(header_of(dropped)));
  }
}

// A free block of the size class that was used least recently; null if that is this class.
void* Allocator::take_oldest(int size_class) {
  SizeClass* oldest = nullptr;
  for (SizeClass& each : classes_)
    if (!each.free.empty() && (!oldest || each.used < oldest->used)) oldest = &each;
  if (!oldest || oldest == &classes_[size_t(size_class)]) return nullptr;
  void* pointer = oldest->free.back();
  oldest->free.pop_back();
  cached_ -= header_of(pointer)->bytes;
  return pointer;
}

}  // namespace phynexus
