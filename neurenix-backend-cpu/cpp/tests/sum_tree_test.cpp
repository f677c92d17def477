// The order of a map's additions, written out: against a stack that does just what phynexus.h says.
#include "engine/run/sum_tree.h"

#include "plan_builder.h"

namespace engine_test {
namespace {

std::string sum(const std::string& left, const std::string& right) { return "(" + left + "+" + right + ")"; }

std::vector<std::string> names_of(int64_t terms) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < terms; i++) names.push_back(std::to_string(i));
  return names;
}

// As the header has it: the terms, from `first` on, in order; equal-sized neighbours merge; then from the top down.
std::string naive(const std::vector<std::string>& terms) {
  std::vector<std::pair<int64_t, std::string>> stack;
  for (const std::string& term : terms) {
    stack.emplace_back(1, term);
    while (stack.size() > 1 && stack[stack.size() - 2].first == stack.back().first) {
      const auto right = stack.back();
      stack.pop_back();
      stack.back() = {2 * right.first, sum(stack.back().second, right.second)};
    }
  }
  if (stack.empty()) return "";
  std::string total = stack.back().second;
  for (size_t k = stack.size() - 1; k-- > 0;) total = sum(stack[k].second, total);
  return total;
}

struct NamedStack {
  std::vector<std::string> levels = std::vector<std::string>(64);

  void push(int64_t index, std::string term, int below) {
    const int merges = phynexus::merges_of(index);
    for (int level = 0; level < merges; level++) term = sum(levels[size_t(below + level)], term);
    levels[size_t(below + merges)] = term;
  }
  std::string rest(int64_t terms) {
    const int level = phynexus::merge_rest(terms, [&](int into, int above) {
      levels[size_t(into)] = sum(levels[size_t(into)], levels[size_t(above)]);
    });
    CHECK(level < phynexus::levels_of(terms), "%lld terms: level %d", (long long)terms, level);
    return level < 0 ? "" : levels[size_t(level)];
  }
};

std::string by_stack(const std::vector<std::string>& terms) {
  NamedStack stack;
  for (size_t i = 0; i < terms.size(); i++) stack.push(int64_t(i), terms[i], 0);
  return stack.rest(int64_t(terms.size()));
}

std::string by_slots(std::vector<std::string> slots) {
  phynexus::add_slots(int64_t(slots.size()), [&](int64_t to, int64_t other) {
    slots[size_t(to)] = sum(slots[size_t(to)], slots[size_t(other)]);
  });
  return slots.empty() ? "" : slots[0];
}

// Blocks of 2^levels terms, added up by themselves and pushed; of the last one, where it is incomplete, each term.
std::string by_blocks(const std::vector<std::string>& terms, int levels) {
  NamedStack stack;
  const size_t size = size_t(1) << levels;
  for (size_t first = 0; first < terms.size(); first += size) {
    if (first + size <= terms.size()) {
      stack.push(int64_t(first / size), by_slots({terms.begin() + first, terms.begin() + first + size}),
                 levels);
    } else {
      for (size_t i = first; i < terms.size(); i++) stack.push(int64_t(i - first), terms[i], 0);
    }
  }
  return stack.rest(int64_t(terms.size()));
}

}  // namespace

void test_sum_tree() {
  CHECK(naive(names_of(7)) == "(((0+1)+(2+3))+((4+5)+6))", "%s", naive(names_of(7)).c_str());
  for (int64_t terms = 0; terms < 140; terms++) {
    const std::vector<std::string> names = names_of(terms);
    const std::string expected = naive(names);
    CHECK(by_stack(names) == expected, "%lld terms, on a stack", (long long)terms);
    CHECK(by_slots(names) == expected, "%lld terms, in slots", (long long)terms);
    for (int levels = 0; levels < 6; levels++)
      CHECK(by_blocks(names, levels) == expected, "%lld terms, in blocks of 2^%d", (long long)terms, levels);
  }
}

}  // namespace engine_test
