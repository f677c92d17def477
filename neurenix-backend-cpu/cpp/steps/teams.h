// The threads that a contraction kernel may use.
#pragma once

#include "step.h"

namespace phynexus {

struct OneThread final : Team {
  explicit OneThread(Worker& worker) : worker(worker) {}
  void run(int64_t count, void (*work)(void*, int64_t, int), void* context) override {
    for (int64_t i = 0; i < count; i++) work(context, i, 0);
  }
  int workers() const override { return 1; }
  void* workspace(int, int64_t bytes) override { return worker.own.at_least(bytes); }
  void* shared_workspace(int64_t bytes) override { return worker.shared.at_least(bytes); }
  Worker& worker;
};

struct AllThreads final : Team {
  explicit AllThreads(Arena& arena) : arena(arena) {}
  void run(int64_t count, void (*work)(void*, int64_t, int), void* context) override {
    arena.pool->run(count, arena.threads, work, context);
  }
  int workers() const override { return arena.threads; }
  void* workspace(int worker, int64_t bytes) override {
    return arena.workers[size_t(worker)]->own.at_least(bytes);
  }
  void* shared_workspace(int64_t bytes) override { return arena.workers[0]->shared.at_least(bytes); }
  Arena& arena;
};

// f(team), with the threads that the frame may use.
template <class F>
inline void with_team(const Frame& frame, const F& f) {
  if (frame.context->arena) {
    AllThreads team(*frame.context->arena);
    f(static_cast<Team&>(team));
  } else {
    OneThread team(*frame.context->worker);
    f(static_cast<Team&>(team));
  }
}

}  // namespace phynexus
