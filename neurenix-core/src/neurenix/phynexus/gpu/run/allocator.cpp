// Best fit in segments, neighbours joined again: the scheme that deep-learning frameworks have settled on.
#include "allocator.h"

#include <algorithm>

#include "../driver/switches.h"

namespace phynexus::gpu {
namespace {

constexpr int64_t unit = 512, mega = 1 << 20;
constexpr int64_t most_small = mega, small_segment = 8 * mega;
constexpr int64_t most_medium = 10 * mega, medium_segment = 20 * mega, large_unit = 2 * mega;

int64_t up(int64_t bytes, int64_t to) { return (bytes + to - 1) / to * to; }

int64_t segment_bytes(int64_t bytes) {
  if (bytes <= most_small) return small_segment;
  return bytes <= most_medium ? medium_segment : up(bytes, large_unit);
}

bool is_guarding() { return read_switch("NEURENIX_GPU_GUARD", {"0", "1"}) == "1"; }

}  // namespace

Allocator::Allocator(Driver& driver, const std::unordered_set<const void*>& unusable)
    : driver_(driver), unusable_(unusable), guards_(is_guarding()) {}

Allocator::~Allocator() {
  for (const auto& [pointer, block] : blocks_)
    if (block.first) driver_.give(const_cast<char*>(pointer));
}

char* Allocator::take(int64_t bytes, int64_t ticket, bool hosts) {
  const int64_t size = up(std::max<int64_t>(bytes, 1), guards_ ? 1 : unit);
  const bool small = size <= most_small;
  std::vector<Blocks::iterator> passed_over;
  Blocks::iterator found;
  for (;;) {
    found = guards_ ? find_guarded(size) : find_free(size, small);
    if (found == blocks_.end()) break;
    free_of(found->second).erase({found->second.bytes, found->first});
    if (!unusable_.contains(found->first)) break;
    passed_over.push_back(found);
  }
  for (const Blocks::iterator block : passed_over)
    free_of(block->second).insert({block->second.bytes, block->first});
  if (found == blocks_.end()) return nullptr;
  if (!guards_) cut(found, size);
  Block& block = found->second;
  block.used = true;
  block.hosts = hosts;
  block.taken = ticket;
  used_ += block.bytes;
  if (hosts) hosts_ += block.bytes;
  return const_cast<char*>(found->first);
}

// A free block of at least so many bytes, from the driver where there is none.
Allocator::Blocks::iterator Allocator::find_free(int64_t bytes, bool small) {
  const auto best = free_[small].lower_bound({bytes, nullptr});
  if (best != free_[small].end()) return blocks_.find(best->second);
  for (const int64_t size : {segment_bytes(bytes), up(bytes, large_unit)}) {
    const char* memory = driver_.take(size);
    if (!memory) continue;
    Block block;
    block.bytes = size;
    block.first = true;
    block.small = small;
    reserved_ += size;
    free_[small].insert({size, memory});
    return blocks_.emplace(memory, block).first;
  }
  return blocks_.end();
}

// A block of its own, in the list of those that wait to go back.
Allocator::Blocks::iterator Allocator::find_guarded(int64_t bytes) {
  const char* memory = driver_.take(bytes);
  if (!memory) return blocks_.end();
  Block block;
  block.bytes = bytes;
  block.first = true;
  reserved_ += bytes;
  free_of(block).insert({bytes, memory});
  return blocks_.emplace(memory, block).first;
}

void Allocator::cut(Blocks::iterator block, int64_t bytes) {
  Block& whole = block->second;
  const int64_t rest = whole.bytes - bytes;
  if (rest < (whole.small ? unit : mega)) return;
  Block other = whole;
  other.bytes = rest;
  other.first = false;
  whole.bytes = bytes;
  const char* at = block->first + bytes;
  blocks_.emplace(at, other);
  free_of(other).insert({rest, at});
}

bool Allocator::give(const char* pointer, int64_t ticket) {
  auto block = blocks_.find(pointer);
  if (block == blocks_.end() || !block->second.used) return false;
  block->second.used = false;
  block->second.free_since = ticket;
  used_ -= block->second.bytes;
  if (block->second.hosts) hosts_ -= block->second.bytes;
  join_with_next(block);
  if (!block->second.first) {
    const auto before = std::prev(block);
    if (!before->second.used) {
      free_of(before->second).erase({before->second.bytes, before->first});
      join_with_next(before);
      block = before;
    }
  }
  free_of(block->second).insert({block->second.bytes, block->first});
  return true;
}

// Joins a block that is in no list with the next one of its segment, where that is free.
void Allocator::join_with_next(Blocks::iterator block) {
  const auto next = std::next(block);
  if (next == blocks_.end() || next->second.first || next->first != block->first + block->second.bytes)
    return;
  if (next->second.used) return;
  free_of(next->second).erase({next->second.bytes, next->first});
  block->second.bytes += next->second.bytes;
  block->second.free_since = std::max(block->second.free_since, next->second.free_since);
  blocks_.erase(next);
}

bool Allocator::is_whole_segment(Blocks::iterator block) {
  const auto next = std::next(block);
  return block->second.first && (next == blocks_.end() || next->second.first);
}

void Allocator::trim() {
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    if (block->second.used || !is_whole_segment(block)) {
      ++block;
      continue;
    }
    free_of(block->second).erase({block->second.bytes, block->first});
    reserved_ -= block->second.bytes;
    driver_.give(const_cast<char*>(block->first));
    block = blocks_.erase(block);
  }
}

Allocator::Use Allocator::use_of(const char* pointer) const {
  auto next = blocks_.upper_bound(pointer);
  if (next == blocks_.begin()) return {};
  --next;
  const Block& block = next->second;
  const int64_t inside = pointer - next->first;
  if (!block.used || inside >= block.bytes) return {};
  return {block.free_since, block.taken, block.bytes - inside};
}

std::vector<const void*> Allocator::held_by_host() const {
  std::vector<const void*> all;
  for (const auto& [pointer, block] : blocks_)
    if (block.used && block.hosts) all.push_back(pointer);
  return all;
}

}  // namespace phynexus::gpu
