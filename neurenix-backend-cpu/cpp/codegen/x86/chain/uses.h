// Which values a run needs until when, and which general registers point to its operands.
#pragma once

#include <set>

#include "code.h"

namespace phynexus::fused {

// `until`: the last operation of the run that reads something.
struct Uses {
  struct Loaded {
    int until = 0;
    int32_t bytes = 0;  // of an element
  };
  std::set<Location> hoisted;         // the same for all elements
  std::map<Location, Loaded> loaded;  // what an earlier run left in memory
  std::map<int, int> made_until;      // by the operation that makes it
};
Uses uses_of(const Run& run, const RowResults& results);

struct Pointers {
  std::map<int32_t, x86::General> of_slots;
  bool list_stays = false;  // in rdi: a slot that has no pointer is looked up there each time
  // To results that move on with the groups of rows.
  std::vector<std::pair<Location, x86::General>> moving;
  std::vector<x86::General> saved() const;  // what the caller expects unchanged
};
// Nothing where there are not enough registers. Without rows these have no columns.
std::optional<Pointers> pointers_of(const Run& run, const Rows& rows);

inline constexpr x86::General vectors_left = x86::r15;  // of a row, in a loop over its columns

}  // namespace phynexus::fused
