// Divides a map's iterations among threads, and decides how many of their sums are in memory at once.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/run/sum_tree.h"

namespace phynexus {

struct MapShape {
  int64_t iterations = 0, wished_chunk = 0;
  int64_t slot_bytes = 0;  // the terms of one iteration, of all summed outputs
};

// Blocks have 2^block_levels iterations, which one thread runs and adds up: as the tree of additions depends on the
// index alone, so do the results.
struct MapDivision {
  // Fewer iterations at once than threads: one after the other, each on all threads. The steps' chunks depend on sizes
  // alone, so the result is the same.
  bool on_all_threads = false;
  bool in_turn = false;  // the iterations run one after the other: on all threads, or on the only one
  int block_levels = 0;
  int64_t blocks = 0;
  int64_t chunk = 1;         // blocks at a time
  int lowest_level = 0;      // of sums in memory; an incomplete block has some below block_levels
  bool all_at_once = false;  // whole blocks, added up where they were made

  // Slots for a block while it runs: one for the term, and one for the sum of each level.
  int64_t block_slots() const { return block_levels + 1; }

  MapDivision(const MapShape& map, int threads) {
    const int64_t iterations = map.iterations, wished = iterations / (int64_t(2) * threads);
    on_all_threads =
        threads > 1 && (iterations < threads || (map.wished_chunk > 0 && map.wished_chunk < threads));
    in_turn = threads == 1 || on_all_threads;
    block_levels = threads == 1 || wished < 2 ? 0 : levels_of(wished) - 1;
    if (in_turn) return;
    const int64_t size = int64_t(1) << block_levels;
    blocks = (iterations + size - 1) / size;
    const bool complete = iterations % size == 0;

    constexpr int64_t enough = int64_t(64) << 20;  // bytes of sums at once
    const int64_t all = std::max<int64_t>(blocks, 1), each = map.slot_bytes * (1 + block_slots());
    int64_t fits = each * all <= enough ? all : std::max<int64_t>(threads, enough / each);
    if (map.wished_chunk > 0) fits = std::min(fits, std::max<int64_t>(1, map.wished_chunk >> block_levels));
    chunk = std::clamp<int64_t>(fits, 1, all);

    lowest_level = complete ? block_levels : 0;
    all_at_once = chunk == blocks && complete;
  }
};

}  // namespace phynexus
