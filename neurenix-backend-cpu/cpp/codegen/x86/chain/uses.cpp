// Looks through a run, before anything of it is written.
#include "uses.h"

#include <algorithm>
#include <climits>
#include <iterator>

namespace phynexus::fused {
namespace {

using namespace x86;

// What may point to operands. rax counts elements, rdx and rcx are for the loop, rsi is the number of elements.
constexpr General pointers[] = {rdi, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15};
constexpr size_t first_saved = 5;
// Beside the list of slots in rdi, what counts the bytes of rows, and vectors_left.
constexpr General beside_list[] = {r8, r9, r10, r11, r12, r13, r14};
constexpr General callers_own[] = {rbx, rbp, r12, r13, r14, r15};

std::vector<int32_t> slots_of(const Run& run, const RowResults& results) {
  std::vector<int32_t> slots;
  const auto use = [&](Location location) {
    if (std::find(slots.begin(), slots.end(), location.slot) == slots.end()) slots.push_back(location.slot);
  };
  for (size_t i = run.begin; i < run.end; i++) {
    const PlacedOperation& operation = run.operations[i];
    use(operation.out);
    for (int k = 0; k < operation.arity; k++)
      if (!operation.arguments[k].uniform) use(operation.arguments[k].location);
  }
  for (const RowSum& sum : results.sums) use(sum.to);
  return slots;
}

// As many as there are registers. Those that walk need one.
std::optional<Pointers> pointers_beside_list(const std::vector<int32_t>& slots,
                                             const std::vector<RowWalk>& walks) {
  if (walks.size() > std::size(beside_list)) return {};
  Pointers assigned{.of_slots = {}, .list_stays = true, .moving = {}};
  const auto assign = [&](int32_t slot) {
    const size_t next = assigned.of_slots.size();
    if (next < std::size(beside_list)) assigned.of_slots.emplace(slot, beside_list[next]);
  };
  for (const RowWalk& walk : walks) assign(walk.slot);
  for (const int32_t slot : slots) assign(slot);
  return assigned;
}

}  // namespace

Uses uses_of(const Run& run, const RowResults& results) {
  Uses uses;
  for (size_t i = run.begin; i < run.end; i++) {
    const PlacedOperation& operation = run.operations[i];
    for (int k = 0; k < operation.arity; k++) {
      const PlacedArgument& argument = operation.arguments[k];
      const int maker = run.flow.makers[i][size_t(k)];
      if (argument.uniform) uses.hoisted.insert(argument.location);
      else if (maker >= int(run.begin)) uses.made_until[maker] = int(i);
      else uses.loaded[argument.location] = {.until = int(i), .bytes = item_bytes(argument.dtype)};
    }
  }
  const auto keep = [&](Location value) {
    for (size_t i = run.end; i-- > run.begin;)
      if (run.operations[i].out == value) {
        uses.made_until[int(i)] = INT_MAX;
        return;
      }
  };
  for (const RowSum& sum : results.sums) keep(sum.value);
  for (const RowMaximum& maximum : results.maxima) keep(maximum.value);
  return uses;
}

std::optional<Pointers> pointers_of(const Run& run, const Rows& rows) {
  const std::vector<int32_t> slots = slots_of(run, rows.results);
  std::vector<Location> moving;
  for (const RowMaximum& maximum : rows.results.maxima) {
    moving.push_back(maximum.to);
    if (!maximum.places.empty()) moving.push_back(maximum.place_to);
  }
  const bool all_fit = slots.size() + moving.size() <= std::size(pointers);
  if (run.extension == Extension::avx2 && (!all_fit || rows.columns > 0))
    return pointers_beside_list(slots, rows.walks);
  if (!all_fit) return {};
  Pointers assigned;
  const General* next = pointers;
  for (const int32_t slot : slots) assigned.of_slots[slot] = *next++;
  for (const Location& location : moving) assigned.moving.emplace_back(location, *next++);
  return assigned;
}

std::vector<General> Pointers::saved() const {
  if (list_stays) return {std::begin(callers_own), std::end(callers_own)};
  const size_t used = of_slots.size() + moving.size();
  return {pointers + first_saved, pointers + std::max(used, first_saved)};
}

}  // namespace phynexus::fused
