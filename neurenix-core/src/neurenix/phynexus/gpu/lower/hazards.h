// Which steps must wait for which, by the memory that they read and write: the level of each.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace phynexus::gpu {

// Bytes [low, high) behind a base of the frame.
struct Access {
  int32_t base = 0;
  int64_t low = 0, high = 0;
  bool writes = false;
  bool whole = false;  // all of these bytes are written, and none of them is read before
  int64_t origin = 0;  // where the operand's pointer points to, behind the base
};

// The bases of a frame's inputs and outputs. Outputs lie apart from inputs, but where `same` names the input that an
// output shares, or where `may_alias` says that any may lie anywhere.
struct FrameBases {
  int32_t first_input = 0;
  int32_t inputs = 0, outputs = 0;
  bool may_alias = false;
  std::vector<int32_t> same;  // for each output: an input, or -1; empty: none
};

class Hazards {
 public:
  // A base belongs to one frame at most.
  Hazards(int32_t base_count, const std::vector<FrameBases>& frames);

  // The first level in which all that these wait for has been done.
  int first_level(const std::vector<Access>& accesses) const;
  // They happen in some levels up to `last`.
  void record(const std::vector<Access>& accesses, int last);
  // What comes now waits for all that came before; returns its first level.
  int fence() { return fence_ = last_ + 1; }

 private:
  // The last levels in which some bytes were written and read.
  struct Cell {
    int written = -1, read = -1;
  };
  using Cells = std::map<int64_t, Cell>;  // by the first byte; up to the next one's
  // A frame whose inputs and outputs may lie anywhere.
  struct Mixed {
    int inputs_read = -1, outputs_written = -1;
  };
  struct Base {
    int32_t same = 0;    // the base whose memory it has
    int32_t mixed = -1;  // into mixed_; -1: none
    bool is_input = false;
    Cells cells;
  };
  Cells::iterator split(Cells& cells, int64_t at);

  std::vector<Base> bases_;
  std::vector<Mixed> mixed_;
  int last_ = -1, fence_ = 0;
};

}  // namespace phynexus::gpu
