// Work cut into chunks by its size alone (never by the number of threads) and given to the team.
#pragma once

#include "contract/contract.h"
#include "contract/contract_vectors.h"

namespace phynexus::PHYNEXUS_ISA::contract {

// One chunk for work too small to share; about a million operations or more in each otherwise.
PHYNEXUS_INLINE int64_t chunks_for(double operations, int64_t units) {
  if (operations < 4e6) return smaller(units, 1);
  return smaller(units, operations < 128e6 ? int64_t(operations * 1e-6) : 128);
}

// work(index, worker) for each index in [0, count); alone when it is not worth sharing.
template <class Work>
void for_chunks(Team& team, int64_t count, const Work& work, bool alone = false) {
  if (count == 1 || alone || team.workers() == 1) {
    for (int64_t index = 0; index < count; index++) work(index, 0);
    return;
  }
  team.run(
      count,
      [](void* context, int64_t index, int worker) { (*static_cast<const Work*>(context))(index, worker); },
      const_cast<Work*>(&work));
}

// Cuts one block of workspace into arrays that each start on a cache line. Measure first (base null), then
// place.
struct Carver {
  char* base;
  int64_t used = 0;
  template <class T>
  T* take(int64_t count) {
    char* p = base ? base + used : nullptr;
    used += round_up(count * int64_t(sizeof(T)), 64);
    return reinterpret_cast<T*>(p);
  }
};

}  // namespace phynexus::PHYNEXUS_ISA::contract
