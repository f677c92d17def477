// Lays arenas out, finds the idle one that suits a run best, and drops those that are too many or too large.
#include "arena.h"

#include <mutex>
#include <utility>

#include "engine/lock.h"

namespace phynexus {
namespace {

// A large arena waits for so many runs that would do with a small one: large and small programs often take turns.
constexpr int patience = 1000;

}  // namespace

void Workspace::grow(int64_t bytes) {
  char* larger = aligned_take(bytes);
  aligned_give(memory_);
  counted_.fetch_add(bytes - bytes_, std::memory_order_relaxed);
  memory_ = larger;
  bytes_ = bytes;
}

Arena::Arena(ThreadPool& pool, int threads) : pool(&pool), threads(threads) {
  for (int i = 0; i < threads; i++) workers.push_back(std::make_unique<Worker>(packed_));
}

void Arena::suit(const ArenaNeeds& needs) {
  if (needs == suits_) return;
  if (needs.bytes > bytes_) {
    // Frees the old memory first: nothing in it is worth keeping, so both need never exist at once.
    aligned_give(std::exchange(memory_, nullptr));
    bytes_ = 0;
    suits_ = {};
    memory_ = aligned_take(needs.bytes);
    bytes_ = needs.bytes;
  }
  scratch = memory_;
  workspace = scratch + needs.scratch;
  char* next = workspace + needs.workspace;
  for (const auto& worker : workers) {
    worker->registers = next;
    worker->memory = next + needs.registers;
    next += needs.registers + needs.own;
  }
  suits_ = needs;
}

// The smallest idle arena that is large enough, else the largest.
std::unique_ptr<Arena> ArenaPool::best_idle(const ArenaNeeds& needs) {
  std::lock_guard lock(engine_lock());
  size_t best = idle_.size();
  for (size_t i = idle_.size(); i-- > 0;) {
    if (idle_[i]->threads != needs.threads) continue;
    const int64_t here = idle_[i]->bytes_, there = best < idle_.size() ? idle_[best]->bytes_ : -1;
    if (there < needs.bytes ? here > there : here >= needs.bytes && here < there) best = i;
  }
  return best < idle_.size() ? remove_idle(best) : nullptr;
}

std::unique_ptr<Arena> ArenaPool::take(const ArenaNeeds& needs) {
  std::unique_ptr<Arena> arena = best_idle(needs);
  if (arena && arena->all_bytes() > most_idle_bytes) {
    arena->small_runs_ = needs.bytes > most_idle_bytes ? 0 : arena->small_runs_ + 1;
    if (arena->small_runs_ > patience) drop(std::move(arena));
  }
  if (!arena) arena = std::make_unique<Arena>(threads_, needs.threads);
  const int64_t before = arena->bytes_;
  try {
    arena->suit(needs);
  } catch (...) {
    arena_bytes_.fetch_sub(before, std::memory_order_relaxed);
    packed_bytes_.fetch_sub(arena->counted_packed_, std::memory_order_relaxed);
    throw;
  }
  if (arena->bytes_ != before) arena_bytes_.fetch_add(arena->bytes_ - before, std::memory_order_relaxed);
  return arena;
}

void ArenaPool::give(std::unique_ptr<Arena> arena) {
  const int64_t packed = arena->packed_.load(std::memory_order_relaxed);
  if (packed != arena->counted_packed_) {
    packed_bytes_.fetch_add(packed - arena->counted_packed_, std::memory_order_relaxed);
    arena->counted_packed_ = packed;
  }
  const int64_t bytes = arena->all_bytes();
  while (arena) {
    std::unique_ptr<Arena> dropped;  // freed when the lock is
    {
      std::lock_guard lock(engine_lock());
      if (arena->threads != threads_.threads()) {
        dropped = std::move(arena);
      } else if (!idle_.empty() && idle_bytes_ + bytes > most_idle_bytes) {
        dropped = remove_idle(0);
      } else {
        idle_.push_back(std::move(arena));
        idle_bytes_ += bytes;
      }
    }
    if (dropped) drop(std::move(dropped));
  }
}

void ArenaPool::let_go(int64_t bytes) {
  for (size_t next = 0;;) {
    std::unique_ptr<Arena> dropped;
    {
      std::lock_guard lock(engine_lock());
      while (next < idle_.size() && idle_[next]->all_bytes() <= bytes) next++;
      if (next >= idle_.size()) return;
      dropped = remove_idle(next);
    }
    drop(std::move(dropped));
  }
}

std::unique_ptr<Arena> ArenaPool::remove_idle(size_t index) {
  std::unique_ptr<Arena> arena = std::move(idle_[index]);
  idle_.erase(idle_.begin() + std::ptrdiff_t(index));
  idle_bytes_ -= arena->all_bytes();
  return arena;
}

void ArenaPool::drop(std::unique_ptr<Arena> arena) {
  arena_bytes_.fetch_sub(arena->bytes_, std::memory_order_relaxed);
  packed_bytes_.fetch_sub(arena->counted_packed_, std::memory_order_relaxed);
}

}  // namespace phynexus
