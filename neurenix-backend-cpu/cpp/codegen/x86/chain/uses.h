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
  // To results that move on with the groups of rows.
  std::vector<std::pair<Location, x86::General>> moving;
  std::vector<x86::General> saved() const;  // what the caller expects unchanged
};
// Nothing where there are not enough registers.
std::optional<Pointers> pointers_of(const Run& run, const RowResults& results);

}  // namespace phynexus::fused
