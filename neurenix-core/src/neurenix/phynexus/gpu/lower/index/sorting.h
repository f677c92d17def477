// Sorting of lines, of values for PHX_SORT and of indices for scatters.
#pragma once

#include "walks.h"

namespace phynexus::gpu {

// Adds the phases that sort what `p` says: lines, along and where they lie; dtype or most; where it goes. The last of
// them is the current one afterwards.
void add_sort(Builder& builder, SortParams p);

}  // namespace phynexus::gpu
