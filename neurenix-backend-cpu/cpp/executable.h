// A compiled plan: prepared steps, and a pool of arenas to run them in.
#pragma once

#include <memory>
#include <vector>

#include "engine.h"
#include "steps/step.h"

namespace phynexus {

class Executable {
 public:
  Executable(std::shared_ptr<Engine> engine, const phx_plan& plan);
  ~Executable();
  void run(void* const* inputs, void* const* outputs);

 private:
  std::unique_ptr<Arena> take_arena();
  void give_arena(std::unique_ptr<Arena> arena);
  std::unique_ptr<Arena> make_arena(int threads) const;
  void drop(const Arena& arena) { engine_->arena_bytes.fetch_sub(arena.bytes, std::memory_order_relaxed); }

  std::shared_ptr<Engine> engine_;
  Plan plan_;
  std::vector<Region> regions_;
  int64_t register_bytes_ = 0;
  std::vector<std::unique_ptr<Arena>> idle_;
};

}  // namespace phynexus

struct phx_executable {
  phynexus::Executable executable;
};
