// The instructions of a run for one vector of elements, within whatever loop.
#pragma once

#include "lanes.h"
#include "strides.h"
#include "uses.h"

namespace phynexus::fused {

inline constexpr int64_t most_exponent = 16;
inline constexpr int mask_registers = 8, first_mask = 2;

// Vectors for values, from 0 on: with AVX2 the last one is for tails.
inline int value_registers(x86::Extension extension) {
  return extension == x86::Extension::avx2 ? avx2_tail_mask : vectors_of(extension);
}

// Vector and mask registers that hold nothing. With AVX2 vectors serve as masks.
class FreeRegisters {
 public:
  explicit FreeRegisters(x86::Extension extension) : extension_(extension) {}

  void reset(int first_vector);
  int take_vector() { return take(vectors_, 0); }
  int take_mask() { return masks_are_vectors() ? take_vector() : take(masks_, first_mask); }
  void give_vector(int number) { vectors_.push_back(number); }
  void give_mask(int number) { (masks_are_vectors() ? vectors_ : masks_).push_back(number); }
  bool ran_out() const { return ran_out_; }

 private:
  int take(std::vector<int>& free, int otherwise);
  bool masks_are_vectors() const { return extension_ == x86::Extension::avx2; }

  const x86::Extension extension_;
  std::vector<int> vectors_, masks_;
  bool ran_out_ = false;
};

class Body {
 public:
  // Without rows these have no columns.
  Body(const Run& run, const Rows& rows, RowCounters counters);

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
  // Where these elements of an operand lie. May look a pointer up, to rdx.
  x86::Address at(Location location, int32_t dtype, Repeat repeat = Repeat::never);
  void store_vector(const x86::Address& to, int number) { store_lanes(a, to, number, tail_); }

  int hoisted_registers() const { return int(hoisted_.size()); }
  const Pointers& pointers() const { return *pointers_; }
  const RowCounters& counters() const { return counters_; }
  // Nothing where registers did not suffice.
  std::optional<Code> finish();
  bool failed() const { return overwritten_ || free.ran_out(); }

  x86::Assembler a;
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
  x86::General pointer_to(int32_t slot);
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
  const RowCounters counters_;
  std::map<Location, int> hoisted_;  // registers
  std::map<Location, Value> values_;
  x86::Constant ones_;
  int column_ = 0;
  bool tail_ = false, overwritten_ = false;
};

}  // namespace phynexus::fused
