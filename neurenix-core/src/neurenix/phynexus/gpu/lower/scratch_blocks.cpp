// Goes through the accesses in order, and joins what is read or written as one.
#include "scratch_blocks.h"

#include <algorithm>
#include <limits>

#include "../../engine/run/frame.h"

namespace phynexus::gpu {
namespace {

bool counts(const Access& access) { return access.base == base_scratch && access.low < access.high; }

}  // namespace

ScratchBlocks::ScratchBlocks(std::vector<std::vector<Access>>& leaves, int32_t first_base, int64_t most_bytes)
    : most_bytes_(most_bytes) {
  cells_.emplace(std::numeric_limits<int64_t>::min(), nobody);
  std::vector<std::vector<int>> versions(leaves.size());
  for (size_t k = 0; k < leaves.size(); k++) add(leaves[k], versions[k]);
  std::vector<int> number(versions_.size(), nobody);
  for (size_t k = 0; k < leaves.size(); k++)
    for (size_t n = 0; n < leaves[k].size(); n++) {
      if (versions[k][n] == nobody) continue;
      const int top = root(versions[k][n]);
      if (number[size_t(top)] == nobody) {
        number[size_t(top)] = int(all.size());
        all.push_back({versions_[size_t(top)].low, versions_[size_t(top)].high});
      }
      leaves[k][n].base = first_base + number[size_t(top)];
    }
}

// The version of each access; those whose places overlap, or that one pointer finds, are one.
void ScratchBlocks::add(const std::vector<Access>& leaf, std::vector<int>& versions) {
  versions.assign(leaf.size(), nobody);
  for (size_t n = 0; n < leaf.size(); n++) {
    if (!counts(leaf[n])) continue;
    const bool begins = leaf[n].whole && leaf[n].high - leaf[n].low <= most_bytes_;
    versions[n] = begins ? fresh(leaf[n]) : found(leaf[n]);
  }
  for (size_t n = 0; n < leaf.size(); n++)
    for (size_t m = 0; m < n && counts(leaf[n]); m++) {
      const Access &a = leaf[n], &b = leaf[m];
      if (counts(b) && (a.origin == b.origin || (a.low < b.high && b.low < a.high)))
        join(versions[n], versions[m]);
    }
  for (size_t n = 0; n < leaf.size(); n++)
    if (counts(leaf[n])) lay(leaf[n], versions[n]);
}

int ScratchBlocks::fresh(const Access& access) {
  versions_.push_back({int(versions_.size()), access.low, access.high});
  return int(versions_.size()) - 1;
}

int ScratchBlocks::root(int version) {
  while (versions_[size_t(version)].parent != version) {
    int& parent = versions_[size_t(version)].parent;
    parent = versions_[size_t(parent)].parent;
    version = parent;
  }
  return version;
}

int ScratchBlocks::join(int a, int b) {
  a = root(a), b = root(b);
  if (a == b) return a;
  Version &to = versions_[size_t(a)], &from = versions_[size_t(b)];
  to.low = std::min(to.low, from.low);
  to.high = std::max(to.high, from.high);
  from.parent = a;
  return a;
}

int ScratchBlocks::found(const Access& access) {
  int one = fresh(access);
  const auto end = cells_.lower_bound(access.high);
  for (auto cell = std::prev(cells_.upper_bound(access.low)); cell != end; ++cell)
    if (cell->second != nobody) one = join(one, cell->second);
  return one;
}

void ScratchBlocks::lay(const Access& access, int version) {
  const auto first = split(access.low), end = split(access.high);
  first->second = version;
  cells_.erase(std::next(first), end);
}

std::map<int64_t, int>::iterator ScratchBlocks::split(int64_t at) {
  const auto next = cells_.lower_bound(at);
  if (next != cells_.end() && next->first == at) return next;
  return cells_.emplace_hint(next, at, std::prev(next)->second);
}

}  // namespace phynexus::gpu
