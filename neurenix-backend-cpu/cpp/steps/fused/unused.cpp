// Finds the registers in use, and moves them together.
#include "unused.h"

namespace phynexus::fused {
namespace {

// Of what may be constant: each location.
template <class P, class F>
void each_of_operations(P& placed, const F& f) {
  for (auto* list : {&placed.first_operations, &placed.operations})
    for (auto& operation : *list) {
      f(operation.out);
      for (int k = 0; k < operation.arity; k++) f(operation.arguments[k].location);
    }
}

template <class P, class F>
void each_of_tiles(P& placed, const F& f) {
  for (auto* list : {&placed.first_loads, &placed.loads, &placed.stores})
    for (auto& tile : *list) f(tile.dense), f(tile.strided);
}

template <class P, class F>
void each_of_reductions(P& placed, bool levels, const F& f) {
  for (auto& reduction : placed.reductions) {
    f(reduction.partial);
    if (levels) f(reduction.levels);
    if (!reduction.in_code) f(reduction.values), f(reduction.spare);
  }
}

template <class P, class F>
void each_location(P& placed, bool levels, const F& f) {
  each_of_operations(placed, f);
  each_of_tiles(placed, f);
  each_of_reductions(placed, levels, f);
}

}  // namespace

std::set<int32_t> used_registers(const Placed& placed, const Blocks& blocks) {
  std::set<int32_t> used;
  each_location(placed, blocks.sizes.steps > 1, [&](const Location& location) {
    if (location.in_registers()) used.insert(location.offset);
  });
  return used;
}

Compacted without_unused(Placed placed, const std::set<int32_t>& used) {
  Compacted compacted;
  RegisterFile file;
  for (const RegisterFile::Register& r : placed.file.registers())
    if (used.count(r.offset)) compacted.moved[r.offset] = file.allocate(r.bytes).offset;
  each_location(placed, true, [&](Location& location) {
    const auto found = compacted.moved.find(location.offset);
    if (location.in_registers() && found != compacted.moved.end()) location.offset = found->second;
  });
  placed.file = file;
  compacted.placed = std::move(placed);
  return compacted;
}

}  // namespace phynexus::fused
