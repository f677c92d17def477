// A fixed team of threads for short pieces of work. The caller takes part. Threads that wait spin for about
// 50 microseconds, since the next piece of a program usually comes sooner, and then sleep.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace phynexus {

class ThreadPool {
 public:
  using Work = void (*)(void* context, int64_t index, int worker);

  explicit ThreadPool(int threads);
  ~ThreadPool();

  int threads() const { return threads_; }
  // Waits for the piece of work that is in progress.
  void resize(int threads);
  // Hands out the indices [0, count) in order, each to the next thread that is free; worker is in [0,
  // workers). Where another caller has the threads, this one does all of it alone, as worker 0. What a piece
  // throws, run() throws when all have ended.
  void run(int64_t count, int workers, Work work, void* context);

 private:
  struct Crew;  // the threads; replaced in a forked child, which has none of its parent's
  Crew* ready_crew();

  std::atomic<int> threads_;
  std::unique_ptr<Crew> crew_;
  std::atomic<bool> busy_{false};
  std::atomic<uint64_t> forks_seen_{0};
};

}  // namespace phynexus
