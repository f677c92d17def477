// Scratch for runs. Every run takes an arena and gives it back for the next run, of whatever program: so programs
// that only wait hold none, and one that is called again finds memory that is there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "../threads/thread_pool.h"
#include "allocator.h"
#include "engine/host_memory.h"

namespace phynexus {

// The needs of a program: bytes, each a multiple of the alignment.
struct ArenaNeeds {
  int threads = 0;
  int64_t scratch = 0, workspace = 0;
  int64_t registers = 0, own = 0;  // of each thread
  int64_t bytes = 0;               // all together
  bool operator==(const ArenaNeeds&) const = default;
};

// A buffer that grows and is never shrunk; `counted` has the bytes of all that share it.
class Workspace {
 public:
  explicit Workspace(std::atomic<int64_t>& counted) : counted_(counted) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() { aligned_give(memory_); }
  char* at_least(int64_t bytes) {
    if (bytes > bytes_) [[unlikely]]
      grow(bytes);
    return memory_;
  }

 private:
  void grow(int64_t bytes);
  std::atomic<int64_t>& counted_;
  char* memory_ = nullptr;
  int64_t bytes_ = 0;
};

// The memory that one thread owns while a program runs.
struct Worker {
  explicit Worker(std::atomic<int64_t>& packed) : own(packed), shared(packed) {}
  char* registers = nullptr;  // blocks of fused steps
  char* memory = nullptr;     // scratch of the iterations of maps
  Workspace own, shared;      // whatever kernels of contractions pack into
};

class Arena {
 public:
  Arena(ThreadPool& pool, int threads);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { aligned_give(memory_); }
  // Lays it out, in more memory where there is too little. Throws Failure.
  void suit(const ArenaNeeds& needs);

  ThreadPool* const pool;
  const int threads;
  char* scratch = nullptr;
  char* workspace = nullptr;
  std::vector<std::unique_ptr<Worker>> workers;

 private:
  friend class ArenaPool;
  int64_t all_bytes() const { return bytes_ + counted_packed_; }
  std::atomic<int64_t> packed_{0};
  int64_t counted_packed_ = 0;  // of `packed_`, what its pool knows of
  int64_t bytes_ = 0;
  char* memory_ = nullptr;
  ArenaNeeds suits_;
  int small_runs_ = 0;  // in a row that had use for no more than a pool keeps anyway
};

// The arenas of an engine.
class ArenaPool {
 public:
  using Item = Arena;
  // The most bytes that idle arenas keep, but for the one that was given back last.
  static constexpr int64_t most_idle_bytes = int64_t(256) << 20;

  explicit ArenaPool(ThreadPool& threads) : threads_(threads) {}
  std::unique_ptr<Arena> take(const ArenaNeeds& needs);  // throws Failure
  void give(std::unique_ptr<Arena> arena);
  // Frees idle arenas of more than so many bytes; -1: all idle ones.
  void let_go(int64_t bytes = -1);

  int64_t arena_bytes() const { return arena_bytes_.load(std::memory_order_relaxed); }
  // The bytes of workers' packing space, whose size no plan knows.
  int64_t packed_bytes() const { return packed_bytes_.load(std::memory_order_relaxed); }

 private:
  std::unique_ptr<Arena> best_idle(const ArenaNeeds& needs);
  std::unique_ptr<Arena> remove_idle(size_t index);  // under the lock
  void drop(std::unique_ptr<Arena> arena);

  ThreadPool& threads_;
  std::vector<std::unique_ptr<Arena>>
      idle_;  // as many as there were runs at once; the one given last at the end
  int64_t idle_bytes_ = 0;
  std::atomic<int64_t> arena_bytes_{0}, packed_bytes_{0};
};

}  // namespace phynexus
