// Which registers hold what while the operations of a run go by.
#include "body.h"

#include <algorithm>
#include <climits>

#include "compute.h"

namespace phynexus::fused {
namespace {

using namespace x86;

constexpr size_t most_hoisted = 10, most_hoisted_avx2 = 5;
// Rows that lie apart are no stream that a processor would follow of itself; the windows of an image are two or three.
constexpr int32_t bytes_ahead = 8192;

Part part_at(Location location) { return location.in_registers() ? Part{location.offset} : Part{}; }

}  // namespace

void FreeRegisters::reset(int first_vector) {
  vectors_.clear();
  masks_.clear();
  for (int i = value_registers(extension_); i-- > first_vector;) vectors_.push_back(i);
  for (int i = mask_registers; i-- > first_mask;) masks_.push_back(i);
}

int FreeRegisters::take(std::vector<int>& free, int otherwise) {
  if (free.empty()) return ran_out_ = true, otherwise;
  const int number = free.back();
  free.pop_back();
  return number;
}

Body::Body(const Run& run, const Rows& rows, RowCounters counters)
    : a(run.extension),
      free(run.extension),
      run_(run),
      uses_(uses_of(run, rows.results)),
      pointers_(pointers_of(run, rows)),
      walks_(rows.walks),
      counters_(std::move(counters)) {}

bool Body::enter() {
  if (uses_.hoisted.size() > (a.is_avx2() ? most_hoisted_avx2 : most_hoisted) || !pointers_) return false;
  if (!a.is_avx2()) {  // for bools
    uint8_t ones[16];
    std::fill(ones, ones + 16, uint8_t(1));
    ones_ = a.constant(ones, 16);
  }
  for (const General pointer : pointers_->saved()) a.push(pointer);
  load_hoisted();
  load_pointers();
  return true;
}

// Each is read once: no pointer stays.
void Body::load_hoisted() {
  for (const Location& location : uses_.hoisted) {
    const int number = int(hoisted_.size());
    hoisted_[location] = number;
    a.load(rdx, rdi, location.slot * 8);
    a.vbroadcastss(number, {.base = rdx, .displacement = location.offset, .part = part_at(location)});
  }
}

// rdi is the list of the slots itself, so what it points to comes last.
void Body::load_pointers() {
  for (const auto& [location, pointer] : pointers_->moving) {
    a.load(pointer, rdi, location.slot * 8);
    a.add(pointer, location.offset, part_at(location));
  }
  for (const bool last : {false, true})
    for (const auto& [slot, pointer] : pointers_->of_slots)
      if ((pointer == rdi) == last) a.load(pointer, rdi, slot * 8);
}

void Body::leave() {
  const std::vector<General> saved = pointers_->saved();
  for (size_t i = saved.size(); i-- > 0;) a.pop(saved[i]);
  a.vzeroupper();
  a.ret();
}

std::optional<Code> Body::finish() {
  if (failed()) return {};
  a.finish();
  return Code{.bytes = a.take_bytes(), .registers = a.take_part_uses()};
}

General Body::pointer_to(int32_t slot) {
  const auto found = pointers_->of_slots.find(slot);
  if (found != pointers_->of_slots.end()) return found->second;
  a.load(rdx, rdi, slot * 8);
  return rdx;
}

Address Body::at(Location location, int32_t dtype, Repeat repeat) {
  const uint8_t scale = dtype == PHX_BOOL ? 0 : 2;
  const bool element = repeat == Repeat::element || repeat == Repeat::element_anywhere;
  Address address{.base = pointer_to(location.slot),
                  .displacement = location.offset + (element ? 0 : column_ << scale),
                  .indexed = repeat == Repeat::never || repeat == Repeat::element,
                  .index = repeat == Repeat::element ? rcx : rax,
                  .scale = scale,
                  .part = part_at(location)};
  if (const auto counter = counters_.of_slots.find(location.slot); counter != counters_.of_slots.end()) {
    address.indexed = true;
    address.index = counter->second;
    address.scale = 0;
  }
  return address;
}

// The register that holds an argument.
int Body::read(const PlacedArgument& argument) {
  if (argument.uniform) return hoisted_.at(argument.location);
  const auto found = values_.find(argument.location);
  if (found != values_.end()) return found->second.number;
  return (values_[argument.location] = load(argument)).number;
}

Body::Value Body::load(const PlacedArgument& argument) {
  const Repeat repeat = argument.repeat;
  const Address from = at(argument.location, argument.dtype, repeat);
  Value value{.mask = argument.dtype == PHX_BOOL, .last_use = uses_.loaded.at(argument.location).until};
  value.number = value.mask ? free.take_mask() : free.take_vector();
  if (value.mask) {
    const int bytes = free.take_vector();
    a.vmovdqu8_xmm(bytes, from, {.mask = tail_ ? tail_mask : 0, .zero = tail_});
    a.vptestmb_xmm(value.number, bytes, bytes);
    free.give_vector(bytes);
  } else if (repeat == Repeat::element || repeat == Repeat::element_anywhere) {
    a.vbroadcastss(value.number, from);
  } else {
    load_lanes(a, value.number, from, tail_);
    const bool walks = std::any_of(walks_.begin(), walks_.end(),
                                   [&](const RowWalk& walk) { return walk.slot == argument.location.slot; });
    if (repeat == Repeat::row && walks) a.prefetcht0(from.base, from.displacement + bytes_ahead);
  }
  return value;
}

int Body::register_of(Location value) {
  if (const auto found = values_.find(value); found != values_.end()) return found->second.number;
  const int number = free.take_vector();
  load_lanes(a, number, at(value, PHX_FLOAT32), tail_);
  free.give_vector(number);
  return number;
}

// Whether nobody reads an argument again, nor this operation twice.
bool Body::dies(size_t index, int argument) const {
  const PlacedOperation& placed = run_.operations[index];
  const PlacedArgument& which = placed.arguments[argument];
  if (which.uniform) return false;
  for (int k = 0; k < placed.arity; k++)
    if (k != argument && placed.arguments[k].location == which.location) return false;
  return values_.at(which.location).last_use == int(index);
}

void Body::forget(Location location) {
  const auto found = values_.find(location);
  if (found == values_.end()) return;
  if (found->second.mask) free.give_mask(found->second.number);
  else free.give_vector(found->second.number);
  values_.erase(found);
}

// Registers of what nobody here reads after this operation.
void Body::free_read(size_t index) {
  const PlacedOperation& placed = run_.operations[index];
  for (int k = 0; k < placed.arity; k++) {
    const auto found = values_.find(placed.arguments[k].location);
    if (!placed.arguments[k].uniform && found != values_.end() && found->second.last_use == int(index))
      forget(placed.arguments[k].location);
  }
}

void Body::store(const PlacedOperation& placed, int number) {
  const int32_t dtype = placed.operation.dtype;
  // Elements of another size in the same place: these would be written over some that are still to be read.
  const auto loaded = uses_.loaded.find(placed.out);
  if (loaded != uses_.loaded.end() && loaded->second.bytes != item_bytes(dtype)) overwritten_ = true;
  const Address to = at(placed.out, dtype);
  if (dtype != PHX_BOOL) return store_vector(to, number);
  const int bytes = free.take_vector();
  a.vmovdqu8_xmm(bytes, {.constant = ones_}, {.mask = number, .zero = true});
  a.vmovdqu8_xmm(to, bytes, {.mask = tail_ ? tail_mask : 0});
  free.give_vector(bytes);
}

// The result's register, which may be that of the third argument.
int Body::register_for(size_t index, bool onto_third) {
  const PlacedOperation& placed = run_.operations[index];
  if (is_comparison(placed.operation.opcode)) return free.take_mask();
  return onto_third ? values_.at(placed.arguments[2].location).number : free.take_vector();
}

// The result is in a register, for whoever reads it.
void Body::settle(size_t index, int number) {
  const PlacedOperation& placed = run_.operations[index];
  const bool mask = is_comparison(placed.operation.opcode);
  if (run_.flow.last_reader[index] >= int(run_.end) || !placed.out.in_registers()) store(placed, number);
  forget(placed.out);  // what lay in this place before is gone
  if (const auto use = uses_.made_until.find(int(index)); use != uses_.made_until.end())
    values_[placed.out] = {.number = number, .mask = mask, .last_use = use->second};
  else if (mask) free.give_mask(number);
  else free.give_vector(number);
}

void Body::operation(size_t index) {
  const PlacedOperation& placed = run_.operations[index];
  int in[4] = {};
  for (int k = 0; k < placed.arity; k++) in[k] = read(placed.arguments[k]);
  if (failed()) return;
  const bool onto_third = adds_to_third(placed.operation.opcode) && dies(index, 2);
  const int to = register_for(index, onto_third);
  if (failed()) return;
  compute(a, free, placed.operation, to, in);
  if (failed()) return;
  if (onto_third) values_.erase(placed.arguments[2].location);
  free_read(index);
  settle(index, to);
}

void Body::write(int first_vector) {
  values_.clear();
  free.reset(first_vector);
  for (size_t i = run_.begin; i < run_.end && !failed(); i++) operation(i);
}

}  // namespace phynexus::fused
