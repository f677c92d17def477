// Adds up a map's results in slots of memory, each with one term of every summed output.
#pragma once

#include <cstdint>
#include <cstring>

#include "../kernels/runtime_kernels.h"
#include "engine/run/sum_tree.h"

namespace phynexus {

// Some elements of one output, which lie at the same place in every slot; its functions take slots.
struct SummedPart {
  ElementKernel kernel = nullptr;
  int64_t at = 0, count = 0, item_bytes = 0;

  void add(char* into, const char* left, const char* right) const {
    kernel(into + at, left + at, right + at, nullptr, count, 0);
  }
  void copy(char* into, const char* from) const {
    std::memcpy(into + at, from + at, size_t(count * item_bytes));
  }
  void clear(char* slot) const { std::memset(slot + at, 0, size_t(count * item_bytes)); }
  SummedPart piece(int64_t first, int64_t elements) const {
    return {kernel, at + first * item_bytes, elements, item_bytes};
  }
};

// A stack of sums (sum_tree.h), with a slot for each level from the lowest that sums go to.
struct SlotStack {
  char* memory = nullptr;
  int64_t slot_bytes = 0;
  int lowest = 0;

  char* level(int level) const { return memory + (level - lowest) * slot_bytes; }
  // The same slots for terms that are sums of this level.
  SlotStack of_terms_at(int level) const { return {memory, slot_bytes, lowest - level}; }
};

// Puts the term with this index on the stack, or into `last`, where that is not null. Where it merges with others,
// its own slot is used for the sums on the way.
inline void push(const SummedPart& part, int64_t index, char* term, const SlotStack& stack, char* last) {
  const int merges = merges_of(index);
  char* const to = last ? last : stack.level(merges);
  if (merges == 0 && term != to) part.copy(to, term);
  const char* sum = term;
  for (int level = 0; level < merges; level++) {
    char* into = level + 1 == merges ? to : term;
    part.add(into, stack.level(level), sum);
    sum = into;
  }
}

}  // namespace phynexus
