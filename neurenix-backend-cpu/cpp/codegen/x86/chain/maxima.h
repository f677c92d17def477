// The largest of groups of rows, and where it stands, in code over rows: pooling.
#pragma once

#include "body.h"

namespace phynexus::fused {

// How many registers hold what is found in a vector of columns: the largest, and its place where that is asked for.
int registers_of_maxima(const std::vector<RowMaximum>& maxima);

// Goes on with a row of a group. `result` is the first of these registers.
void find_maxima(Body& body, const std::vector<RowMaximum>& maxima, int row, int result);

void store_maxima(Body& body, int column, int result);
// Moves the pointers to the results of the next group.
void next_maxima(Body& body, int64_t columns);

}  // namespace phynexus::fused
