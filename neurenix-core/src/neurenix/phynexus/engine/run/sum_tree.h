// The order in which a map's results are added: which sum is added to which, without bytes and without threads, so
// that every engine that goes by it has the same bits.
//
// Terms are pushed in order of their index onto a stack; there two sums of equally many terms merge, the earlier one
// being the left operand, as the digits of a binary counter carry. At the end what is left merges from the top down.
// Of seven terms that is ((0 + 1) + (2 + 3)) + ((4 + 5) + 6). A sum of level l has 2^l terms, so the sums of blocks of
// 2^l neighbours can be made anywhere, and be pushed as terms of a tree of their own.
#pragma once

#include <cstdint>

namespace phynexus {

// How many levels the stack of so many terms has.
inline int levels_of(int64_t terms) { return terms ? 64 - __builtin_clzll(uint64_t(terms)) : 1; }

// How many sums the term with this index merges with when it is pushed: those of levels 0, 1, ... in turn, each on
// its left. What comes of it is a sum of this level.
inline int merges_of(int64_t index) { return __builtin_ctzll(~uint64_t(index)); }

// Merges the sums that are left on the stack after so many terms: add(level, above) means sum[level] += sum[above], in
// order. Returns the level at which the total is then; -1 where there were no terms.
template <class Add>
int merge_rest(int64_t terms, const Add& add) {
  int above = -1;
  for (int level = 0; level < levels_of(terms); level++) {
    if (!(terms >> level & 1)) continue;
    if (above >= 0) add(level, above);
    above = level;
  }
  return above;
}

// Adds the same tree where all terms are in memory at once, in slots 0, 1, ...: add(to, other) means slot[to] +=
// slot[other], in order; the additions of one level are independent of each other. The total comes to slot 0.
template <class Add>
void add_slots(int64_t terms, const Add& add) {
  for (int64_t size = 2; size <= terms; size *= 2)
    for (int64_t end = size; end <= terms; end += size) add(end - size, end - size / 2);
  int64_t last = -1;  // of the sums that remain, the latest
  for (int64_t size = 1; size <= terms; size *= 2) {
    if (!(terms & size)) continue;
    const int64_t start = terms & ~(2 * size - 1);
    if (last >= 0) add(start, last);
    last = start;
  }
}

}  // namespace phynexus
