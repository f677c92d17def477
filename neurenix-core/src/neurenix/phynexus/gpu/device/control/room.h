// The frames of loops, moves of bytes, and sums by the fixed tree.
#pragma once

#include "../group.h"
#include "../numbers.h"
#include "params.h"

namespace phynexus::gpu {

DEVICE char* loop_base(const LoopBase& b, char* const* bases, int64_t i, int64_t length, bool reverse) {
  const int64_t here = reverse ? length - 1 - i : i, after = reverse ? here - 1 : here + 1;
  switch (b.kind) {
    case LoopBase::slice: return at<char>(bases, b.place) + here * b.stride;
    case LoopBase::carry_in:
      if (i == 0) return at<char>(bases, b.place);
      return b.is_saved ? at<char>(bases, b.saved) + here * b.stride : at<char>(bases, b.turns[(i - 1) & 1]);
    case LoopBase::carry_out:
      if (i + 1 == length) return at<char>(bases, b.place);
      return b.is_saved ? at<char>(bases, b.saved) + after * b.stride : at<char>(bases, b.turns[i & 1]);
    default: return at<char>(bases, b.place);
  }
}

DEVICE void begin_loop(const BeginLoopParams& p, char* const* bases, int64_t, const Group& group) {
  if (group.thread == 0) const_cast<char**>(bases)[p.counter] = nullptr;
}

DEVICE void advance_loop(const AdvanceLoopParams& p, char* const* bases, int64_t, const Group& group) {
  char** const table = const_cast<char**>(bases);
  const int64_t i = reinterpret_cast<int64_t>(bases[p.counter]);
  const LoopBase* places = reinterpret_cast<const LoopBase*>(group.program + p.places);
  group.barrier();
  for (int k = group.thread; k < p.count; k += group.threads)
    table[p.first + k] = loop_base(places[k], bases, i, p.length, p.reverse);
  if (group.thread == 0) table[p.counter] = reinterpret_cast<char*>(i + 1 < p.length ? i + 1 : 0);
}

// The place of element e, in row-major order, of a view, in elements from its first.
DEVICE int64_t element_offset(const View& view, int64_t e) {
  int64_t offset = 0;
  ONE_BY_ONE
  for (int d = view.rank - 1; d > 0; d--) {
    const int64_t next = e / view.shape[d];
    offset += (e - next * view.shape[d]) * view.strides[d];
    e = next;
  }
  return view.rank ? offset + e * view.strides[0] : 0;
}

template <class Word>
DEVICE void move_words(char* to, const char* from, int64_t bytes, const Group& group) {
  Word* t = reinterpret_cast<Word*>(to);
  const Word* f = reinterpret_cast<const Word*>(from);
  for (int64_t k = group.thread; k < bytes / int64_t(sizeof(Word)); k += group.threads) t[k] = f[k];
}

DEVICE void move_bytes(const MoveBytesParams& p, char* const* bases, int64_t tile, const Group& group) {
  const int64_t first = tile * move_tile_bytes, left = p.bytes - first;
  const int64_t bytes = left < move_tile_bytes ? left : move_tile_bytes;
  const char* from = at<char>(bases, p.from) + first;
  char* to = at<char>(bases, p.to) + first;
  if (from == to) return;
  const uint64_t all = reinterpret_cast<uint64_t>(from) | reinterpret_cast<uint64_t>(to) | uint64_t(bytes);
  if (all % 8 == 0) move_words<uint64_t>(to, from, bytes, group);
  else if (all % 4 == 0) move_words<uint32_t>(to, from, bytes, group);
  else move_words<uint8_t>(to, from, bytes, group);
}

template <class T>
DEVICE T sum_of(T x, T y) {
  return narrowed<T>(Computed<T>(widened(x) + widened(y)));
}

// The fixed tree over the terms at `from`, of which there are `count`, at most terms_of_group. Eight are read at a
// time; of these eights those wait, in `held`, whose neighbour in the tree has not come: one of each size.
template <class T>
DEVICE T tree_sum(const char* from, int64_t term_bytes, int count) {
  static_assert(terms_of_group == 64);
  T held[4] = {};
  const int eights = (count + 7) / 8;
  ONE_BY_ONE
  for (int a = 0; a < eights; a++) {
    const int here = count - 8 * a < 8 ? count - 8 * a : 8;
    T terms[8];
    UNROLL
    for (int b = 0; b < 8; b++) {
      terms[b] = *reinterpret_cast<const T*>(from);
      if (b + 1 < here) from += term_bytes;
    }
    from += term_bytes;
    UNROLL
    for (int step = 1; step < 8; step *= 2) {
      UNROLL
      for (int k = 0; k + step < 8; k += 2 * step)
        terms[k] = k + step < here ? sum_of(terms[k], terms[k + step]) : terms[k];
    }
    T sum = terms[0];
    bool waits = false;
    UNROLL
    for (int level = 0; level < 4; level++) {
      const bool meets = a >> level & 1;
      if (!waits && meets) sum = sum_of(held[level], sum);
      if (!waits && !meets) held[level] = sum;
      waits = waits || !meets;
    }
  }
  T total = {};
  bool is_there = false;
  UNROLL
  for (int level = 0; level < 4; level++) {
    if (!(eights >> level & 1)) continue;
    total = is_there ? sum_of(held[level], total) : held[level];
    is_there = true;
  }
  return total;
}

DEVICE void sum_terms(const SumTermsParams& p, char* const* bases, int64_t tile, const Group& group) {
  const int64_t g = tile / p.tiles, first = (tile - g * p.tiles) * p.tile;
  const int64_t end = first + p.tile < p.elements ? first + p.tile : p.elements;
  const int64_t rest = p.terms - g * terms_of_group;
  const int count = int(rest < terms_of_group ? rest : terms_of_group);
  const char* from = at<char>(bases, p.from) + g * terms_of_group * p.term_bytes;
  char* to = at<char>(bases, p.to) + g * p.group_bytes;
  ONE_BY_ONE
  for (int64_t e = first + group.thread; e < end; e += group.threads) {
    const int64_t term = element_offset(p.from, e), sum = element_offset(p.to, e);
    with_dtype(p.from.dtype, [&](auto zero) {
      using T = decltype(zero);
      reinterpret_cast<T*>(to)[sum] = tree_sum<T>(from + term * int64_t(sizeof(T)), p.term_bytes, count);
    });
  }
}

}  // namespace phynexus::gpu
