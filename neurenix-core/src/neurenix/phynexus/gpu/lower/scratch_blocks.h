// Which bytes of a frame's scratch must stay together. A plan's values share memory as a processor likes it, one after
// the other; here each write of all of a place begins a new block, that may lie anywhere.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "hazards.h"

namespace phynexus::gpu {

// Bytes that keep their distances: [low, high) of the frame's scratch as the plan has it, and where they go.
struct ScratchBlock {
  int64_t low = 0, high = 0;
  int64_t offset = 0;
  int first_level = -1, last_level = -1;
};

class ScratchBlocks {
 public:
  // The accesses of all leaves, in order. They keep their bytes; those of scratch get the base `first_base` + block.
  // What is larger than `most_bytes` stays together with what lay in its place before.
  ScratchBlocks(std::vector<std::vector<Access>>& leaves, int32_t first_base, int64_t most_bytes);

  std::vector<ScratchBlock> all;

 private:
  static constexpr int nobody = -1;
  int fresh(const Access& access);
  int root(int version);
  int join(int a, int b);
  // What lies there now, as one.
  int found(const Access& access);
  void lay(const Access& access, int version);
  void add(const std::vector<Access>& leaf, std::vector<int>& versions);
  std::map<int64_t, int>::iterator split(int64_t at);

  struct Version {
    int parent;
    int64_t low, high;
  };
  const int64_t most_bytes_;
  std::vector<Version> versions_;
  std::map<int64_t, int> cells_;  // by the first byte, up to the next one's: the version that is there
};

}  // namespace phynexus::gpu
