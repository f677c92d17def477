// The instructions of a run for one vector of elements, within whatever loop.
#pragma once

#include "uses.h"

namespace phynexus::fused {

inline constexpr int64_t most_exponent = 16;
inline constexpr int vector_registers = 32, mask_registers = 8, lanes = 16, tail_mask = 1, first_mask = 2;

// Vector and mask registers that hold nothing.
class FreeRegisters {
 public:
  void reset(int first_vector);
  int take_vector() { return take(vectors_, 0); }
  int take_mask() { return take(masks_, first_mask); }
  void give_vector(int number) { vectors_.push_back(number); }
  void give_mask(int number) { masks_.push_back(number); }
  bool ran_out() const { return ran_out_; }

 private:
  int take(std::vector<int>& free, int otherwise);

  std::vector<int> vectors_, masks_;
  bool ran_out_ = false;
};

class Body {
 public:
  Body(const Run& run, const RowResults& results, std::vector<RowWalk> walks);

  // Saves what the caller expects unchanged, and loads pointers and what is the same for all elements. False where
  // these do not fit.
  bool enter();
  void leave();
  // To the elements from `column` of a row on (from 0 without rows); the last of them are behind a mask.
  void go_to(int column, bool tail) { column_ = column, tail_ = tail; }
  // All operations, for these elements. Vectors below `first_vector` hold what stays.
  void write(int first_vector);
  // The register with a value of these elements.
  int register_of(Location value);
  // Where these elements of an operand lie.
  x86::Address at(Location location, int32_t dtype, Repeat repeat = Repeat::never) const;
  x86::Lanes lanes_to_load() const { return {.mask = tail_ ? tail_mask : 0, .zero = tail_}; }
  x86::Lanes lanes_to_store() const { return {.mask = tail_ ? tail_mask : 0}; }

  int hoisted_registers() const { return int(hoisted_.size()); }
  const Pointers& pointers() const { return *pointers_; }
  // Nothing where registers did not suffice.
  std::optional<Code> finish();
  bool failed() const { return overwritten_ || free.ran_out(); }

  x86::Assembler a{x86::Extension::avx512};
  FreeRegisters free;

 private:
  struct Value {
    int number = 0;
    bool mask = false;
    int last_use = 0;  // the last operation of the run that reads it
  };

  void operation(size_t index);
  int read(const PlacedArgument& argument);
  Value load(const PlacedArgument& argument);
  void load_hoisted();
  void load_pointers();
  int register_for(size_t index, bool onto_third);
  bool dies(size_t index, int argument) const;
  void free_read(size_t index);
  void forget(Location location);
  void settle(size_t index, int number);
  void store(const PlacedOperation& placed, int number);

  const Run& run_;
  const Uses uses_;
  const std::optional<Pointers> pointers_;
  const std::vector<RowWalk> walks_;
  std::map<Location, int> hoisted_;  // registers
  std::map<Location, Value> values_;
  x86::Constant ones_;
  int column_ = 0;
  bool tail_ = false, overwritten_ = false;
};

}  // namespace phynexus::fused
