// The crew of threads: how they share out a piece of work, wait for the next, and survive a fork.
#include "thread_pool.h"

#include <chrono>
#include <exception>
#include <utility>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace phynexus {
namespace {

std::atomic<uint64_t> forks{0};

void watch_forks() {
#if !defined(_WIN32)
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
#endif
}

inline void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <class Done>
bool spin_until(Done done) {
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    for (int i = 0; i < 64; i++) {
      if (done()) return true;
      pause_processor();
    }
    if (std::chrono::steady_clock::now() - start > std::chrono::microseconds(50)) return false;
  }
}

}  // namespace

struct ThreadPool::Crew {
  // One piece of work. Only a thread that has joined the round reads it.
  Work work = nullptr;
  void* context = nullptr;
  int64_t count = 0;
  int workers = 0;  // threads with this number or a higher one stay out
  std::exception_ptr thrown;
  alignas(64) std::atomic<int64_t> next{0};
  // How many have joined (low 16 bits), whether one may still join, and the number of the round. So the
  // caller never waits for a thread that is only just waking up.
  alignas(64) std::atomic<uint64_t> state{0};
  static constexpr uint64_t open = uint64_t(1) << 16, one_round = uint64_t(1) << 17;
  static uint64_t joined(uint64_t state) { return state & 0xffff; }
  static uint64_t round(uint64_t state) { return state >> 17; }
  alignas(64) std::atomic<int> sleeping{0};
  std::atomic<bool> caller_sleeps{false};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::condition_variable wake, finished;
  std::vector<std::thread> threads;

  explicit Crew(int helpers) {
    for (int i = 1; i <= helpers; i++) threads.emplace_back([this, i] { serve(i); });
  }

  ~Crew() {
    {
      std::lock_guard lock(mutex);
      stop.store(true);
      state.fetch_add(one_round);
    }
    wake.notify_all();
    for (auto& thread : threads) thread.join();
  }

  void take_work(int worker) {
    for (;;) {
      const int64_t index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) return;
      try {
        work(context, index, worker);
      } catch (...) {
        std::lock_guard lock(mutex);
        thrown = std::current_exception();
      }
    }
  }

  void serve(int worker) {
    uint64_t seen = 0;
    for (;;) {
      if (!spin_until([&] { return round(state.load(std::memory_order_acquire)) != seen; })) {
        std::unique_lock lock(mutex);
        sleeping.fetch_add(1);
        wake.wait(lock, [&] { return round(state.load()) != seen; });
        sleeping.fetch_sub(1);
      }
      if (stop.load()) return;
      uint64_t now = state.load(std::memory_order_acquire);
      seen = round(now);
      bool in = false;
      while ((now & open) && round(now) == seen && !in) in = state.compare_exchange_weak(now, now + 1);
      if (!in) continue;
      if (worker < workers) take_work(worker);
      if (joined(state.fetch_sub(1)) == 1 && caller_sleeps.load()) {
        std::lock_guard lock(mutex);
        finished.notify_one();
      }
    }
  }

  void run(int64_t total, int most_workers, Work what, void* with) {
    work = what;
    workers = most_workers;
    context = with;
    count = total;
    next.store(0, std::memory_order_relaxed);
    state.fetch_add(one_round | open);
    if (sleeping.load() > 0) {
      {
        std::lock_guard lock(mutex);
      }
      wake.notify_all();
    }
    take_work(0);
    state.fetch_and(~open);
    if (!spin_until([&] { return joined(state.load(std::memory_order_acquire)) == 0; })) {
      std::unique_lock lock(mutex);
      caller_sleeps.store(true);
      finished.wait(lock, [&] { return joined(state.load()) == 0; });
      caller_sleeps.store(false);
    }
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
  }
};

ThreadPool::ThreadPool(int threads) : threads_(threads) {
  watch_forks();
  forks_seen_ = forks.load();
}

ThreadPool::~ThreadPool() {
  if (forks_seen_ != forks.load()) (void)crew_.release();
}

void ThreadPool::resize(int threads) {
  if (forks_seen_ != forks.load()) busy_.store(false);
  while (busy_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  if (forks_seen_ != forks.load()) (void)crew_.release();
  forks_seen_ = forks.load();
  crew_.reset();
  threads_ = threads;
  busy_.store(false, std::memory_order_release);
}

ThreadPool::Crew* ThreadPool::ready_crew() {
  const uint64_t now = forks.load(std::memory_order_relaxed);
  if (now != forks_seen_) {
    (void)crew_.release();  // its threads and locks are the parent's
    forks_seen_ = now;
  }
  if (!crew_) crew_ = std::make_unique<Crew>(threads_ - 1);
  return crew_.get();
}

void ThreadPool::run(int64_t count, int workers, Work work, void* context) {
  // In a forked child, `busy_` may have been copied while a thread of the parent held it.
  if (forks.load(std::memory_order_relaxed) != forks_seen_) busy_.store(false);
  if (threads_ > 1 && workers > 1 && count > 1 && !busy_.exchange(true, std::memory_order_acquire)) {
    struct Free {
      std::atomic<bool>& busy;
      ~Free() { busy.store(false, std::memory_order_release); }
    } free{busy_};
    ready_crew()->run(count, workers, work, context);
    return;
  }
  for (int64_t i = 0; i < count; i++) work(context, i, 0);
}

}  // namespace phynexus
