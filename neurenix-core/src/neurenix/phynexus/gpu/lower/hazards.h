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
};

class Hazards {
 public:
  // Of a frame of scratch, constants, inputs and outputs. Outputs lie apart from inputs, but where `aliases` names the
  // input that an output shares, or, without aliases, where `may_alias` says that any may lie anywhere.
  Hazards(int32_t inputs, int32_t outputs, bool may_alias, const std::vector<int32_t>* aliases);

  // The first level in which all that these wait for has been done.
  int first_level(const std::vector<Access>& accesses);
  // They happen in some levels up to `last`.
  void record(const std::vector<Access>& accesses, int last);

 private:
  // The last levels in which some bytes were written and read.
  struct Cell {
    int written = -1, read = -1;
  };
  using Cells = std::map<int64_t, Cell>;  // by the first byte; up to the next one's
  Cells::iterator split(int32_t base, int64_t at);
  bool is_input(int32_t base) const;
  bool is_output(int32_t base) const;

  int32_t inputs_;
  bool may_alias_;
  std::vector<int32_t> same_;  // the base whose memory a base has
  std::vector<Cells> cells_;
  int inputs_read_ = -1, outputs_written_ = -1;
};

}  // namespace phynexus::gpu
