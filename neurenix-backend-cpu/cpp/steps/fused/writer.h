// The code of a run of element-wise ops: which registers hold what, and the loops around them. Either over the elements
// one after the other, or row by row, a few columns at a time: then operands that repeat a row, or an element
// within a row, are read where they lie, and sums over rows stay in registers.
#pragma once

#include <array>
#include <climits>
#include <map>
#include <utility>

#include "../../codegen/x86/assembler.h"
#include "code.h"

namespace phynexus {

inline constexpr int64_t most_exponent = 16;

inline bool is_comparison(int32_t opcode) { return opcode >= PHX_EQUAL && opcode <= PHX_GREATER_EQUAL; }

// What may point to operands. rax counts elements, rdx and rcx are for the loop, rsi is their number.
inline constexpr General pointers[] = {rdi, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15};

using Key = std::pair<int32_t, int32_t>;
inline Key key_of(Source s) { return {s.slot, s.offset}; }

// Which op an argument comes from (-1: from memory), and the last op that reads a result.
struct Flow {
  std::vector<std::array<int, 4>> definition;
  std::vector<int> last_read;

  Flow(const std::vector<PlacedOp>& ops, const std::vector<Source>& read_after) : last_read(ops.size(), -1) {
    std::map<Key, int> now;
    for (size_t i = 0; i < ops.size(); i++) {
      definition.push_back({-1, -1, -1, -1});
      for (int k = 0; k < 4; k++) {
        const auto found = now.find(key_of(ops[i].arguments[k]));
        if (k >= ops[i].arity || found == now.end()) continue;
        definition[i][size_t(k)] = found->second;
        last_read[size_t(found->second)] = int(i);
      }
      now[key_of(ops[i].out)] = int(i);
    }
    for (Source s : read_after)
      if (const auto found = now.find(key_of(s)); found != now.end())
        last_read[size_t(found->second)] = INT_MAX;
  }
};

// The code of ops [begin, end) of a list.
class Writer {
 public:
  Writer(const std::vector<PlacedOp>& ops, const Flow& flow, size_t begin, size_t end)
      : ops_(ops), flow_(flow), begin_(begin), end_(end) {}

  // False where it takes more registers than there are.
  bool write();
  // Rows of so many elements, `vectors` of them at a time, and what is made of the rows.
  bool write_rows(int64_t columns, int vectors, const RowResults& results, const std::vector<RowWalk>& walks);
  const std::vector<uint8_t>& bytes() const { return a_.bytes(); }
  const std::vector<Source>& touched() const { return touched_; }

 private:
  struct Value {
    int number = 0;
    bool mask = false;
    int last_use = 0;  // the last op of these that reads it
  };

  bool prepare();
  void finish();
  void find_uses();
  void free_registers();
  void rows_of_columns(int first, int vectors);
  int results_of_a_vector() const;
  std::vector<Source> maxima_go_to() const;
  void load_places_of_maxima();
  void next_places_of_maxima();
  void find_maxima(int row, int result);
  void store_maxima(int result);
  int value_of(Source s);
  bool walks(int32_t slot) const;
  void fetch_ahead(Memory m);
  void make_walks();
  void first_row();
  void next_row();
  void back_to_first_row();
  bool assign_pointers();
  void body(bool tail);
  void one(size_t index);
  void store(size_t index, int number);
  int read(size_t index, int argument);
  int new_vector();
  int new_mask();
  void free_read(size_t index);
  bool dies(size_t index, int argument) const;
  // Where the elements at hand of an operand lie.
  Memory at(Source s, int32_t dtype, PlacedOp::Repeated repeated = PlacedOp::not_repeated);
  int tail_or_all() const;

  const std::vector<PlacedOp>& ops_;
  const Flow& flow_;
  const size_t begin_, end_;
  Assembler a_;
  std::map<int32_t, General> pointer_;   // of a slot
  std::map<Key, int> hoisted_;           // registers of what is the same for all elements
  std::map<Key, int> loaded_until_;      // the last op here that reads what an earlier one left in memory
  std::map<Key, int32_t> loaded_bytes_;  // of an element of it
  std::map<int, int> needed_until_;      // the last op here that reads an op's result
  std::map<Key, Value> values_;
  std::vector<int> free_vectors_, free_masks_;
  std::vector<Source> touched_;
  RowResults results_;
  std::vector<RowWalk> walks_;
  int32_t walk_table_ = 0;
  int64_t columns_ = 0;
  int column_ = 0;        // the first of those at hand
  int first_result_ = 0;  // register of the first sum, or largest or place, of the columns at hand
  int results_at_once_ = 0;
  int32_t ones_ = 0;
  bool tail_ = false, failed_ = false;
};

}  // namespace phynexus
