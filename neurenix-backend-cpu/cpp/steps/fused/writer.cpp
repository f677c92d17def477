#include "writer.h"

#include <algorithm>

namespace phynexus {
namespace {

using A = Assembler;

constexpr int all_vectors = 32, lanes = 16, tail_mask = 1, first_mask = 2, masks = 8;
constexpr size_t most_hoisted = 10;
constexpr size_t most_pointers = std::size(pointers), saved_from = 5;

constexpr A::Form load_vector{A::map_0f, A::none, 0x10}, store_vector{A::map_0f, A::none, 0x11},
    move_vector{A::map_0f, A::none, 0x28}, spread{A::map_0f38, A::p66, 0x18},
    load_bytes{A::map_0f, A::pf2, 0x6f, false, 0}, store_bytes{A::map_0f, A::pf2, 0x7f, false, 0},
    test_bytes{A::map_0f38, A::p66, 0x26, false, 0}, compare_floats{A::map_0f, A::none, 0xc2},
    compare_integers{A::map_0f3a, A::p66, 0x1f}, blend{A::map_0f38, A::p66, 0x65},
    round_floats{A::map_0f3a, A::p66, 0x08}, square_root{A::map_0f, A::none, 0x51},
    add{A::map_0f, A::none, 0x58}, multiply{A::map_0f, A::none, 0x59}, subtract{A::map_0f, A::none, 0x5c},
    least{A::map_0f, A::none, 0x5d}, divide{A::map_0f, A::none, 0x5e}, most{A::map_0f, A::none, 0x5f},
    bits_and{A::map_0f, A::p66, 0xdb}, bits_xor{A::map_0f, A::p66, 0xef};

// Predicates of vcmpps that are false for NaN (but for "not equal"), and of vpcmpd.
int predicate(int32_t relation, bool floats) {
  switch (relation) {
    case PHX_EQUAL: return 0;
    case PHX_NOT_EQUAL: return 4;
    case PHX_LESS: return floats ? 0x11 : 1;
    case PHX_LESS_EQUAL: return floats ? 0x12 : 2;
    case PHX_GREATER: return floats ? 0x1e : 6;
    default: return floats ? 0x1d : 5;
  }
}

}  // namespace

void Writer::find_uses() {
  for (size_t i = begin_; i < end_; i++)
    for (int k = 0; k < ops_[i].arity; k++) {
      const Key key = key_of(ops_[i].arguments[k]);
      const int from = flow_.definition[i][size_t(k)];
      if (ops_[i].uniform[k]) hoisted_.emplace(key, 0);
      else if (from >= int(begin_)) needed_until_[from] = int(i);
      else loaded_until_[key] = int(i), loaded_bytes_[key] = item_bytes(ops_[i].dtypes[k]);
    }
  const auto keep = [&](Source value) {
    for (size_t i = end_; i-- > begin_;)
      if (key_of(ops_[i].out) == key_of(value)) {
        needed_until_[int(i)] = INT_MAX;
        return;
      }
  };
  for (const RowSum& s : results_.sums) keep(s.value);
  for (const RowMaximum& m : results_.maxima) keep(m.value);
}

bool Writer::assign_pointers() {
  const auto use = [&](Source s) {
    if (!pointer_.count(s.slot)) {
      const size_t next = pointer_.size();
      pointer_[s.slot] = pointers[std::min(next, most_pointers - 1)];
    }
  };
  for (size_t i = begin_; i < end_; i++) {
    use(ops_[i].out);
    for (int k = 0; k < ops_[i].arity; k++)
      if (!ops_[i].uniform[k]) use(ops_[i].arguments[k]);
  }
  for (const RowSum& s : results_.sums) use(s.to);
  return pointer_.size() + maxima_go_to().size() <= most_pointers;
}

Memory Writer::at(Source s, int32_t dtype, PlacedOp::Repeated repeated) {
  touched_.push_back(s);
  const int scale = dtype == PHX_BOOL ? 0 : 2;
  Memory m;
  m.base = pointer_.at(s.slot);
  const bool element = repeated == PlacedOp::in_columns || repeated == PlacedOp::one_element;
  m.displacement = s.offset + (element ? 0 : column_ << scale);
  m.indexed = repeated == PlacedOp::not_repeated || repeated == PlacedOp::in_columns;
  m.index = repeated == PlacedOp::in_columns ? rcx : rax;
  m.scale = uint8_t(scale);
  return m;
}

int Writer::tail_or_all() const { return tail_ ? tail_mask : 0; }

int Writer::new_vector() {
  if (free_vectors_.empty()) return failed_ = true, 0;
  const int number = free_vectors_.back();
  free_vectors_.pop_back();
  return number;
}

int Writer::new_mask() {
  if (free_masks_.empty()) return failed_ = true, first_mask;
  const int number = free_masks_.back();
  free_masks_.pop_back();
  return number;
}

// The register that holds an argument.
int Writer::read(size_t index, int argument) {
  const PlacedOp& p = ops_[index];
  const Source source = p.arguments[argument];
  const Key key = key_of(source);
  if (p.uniform[argument]) return hoisted_.at(key);
  const auto found = values_.find(key);
  if (found != values_.end()) return found->second.number;
  const int32_t dtype = p.dtypes[argument];
  const PlacedOp::Repeated repeated = p.repeated[argument];
  Value value{0, dtype == PHX_BOOL, loaded_until_.at(key)};
  if (value.mask) {
    value.number = new_mask();
    const int bytes = new_vector();
    a_.vector(load_bytes, bytes, 0, at(source, dtype, repeated), tail_or_all(), tail_);
    a_.vector(test_bytes, value.number, bytes, bytes);
    free_vectors_.push_back(bytes);
  } else if (repeated == PlacedOp::in_columns || repeated == PlacedOp::one_element) {
    value.number = new_vector();
    a_.vector(spread, value.number, 0, at(source, dtype, repeated));
  } else {
    value.number = new_vector();
    a_.vector(load_vector, value.number, 0, at(source, dtype, repeated), tail_or_all(), tail_);
    if (repeated == PlacedOp::in_rows && walks(source.slot)) fetch_ahead(at(source, dtype, repeated));
  }
  values_[key] = value;
  return value.number;
}

bool Writer::dies(size_t index, int argument) const {
  const PlacedOp& p = ops_[index];
  if (p.uniform[argument]) return false;
  for (int k = 0; k < p.arity; k++)
    if (k != argument && key_of(p.arguments[k]) == key_of(p.arguments[argument])) return false;
  return values_.at(key_of(p.arguments[argument])).last_use == int(index);
}

// Registers of what nobody here reads after this op.
void Writer::free_read(size_t index) {
  const PlacedOp& p = ops_[index];
  for (int k = 0; k < p.arity; k++) {
    const auto found = values_.find(key_of(p.arguments[k]));
    if (p.uniform[k] || found == values_.end() || found->second.last_use != int(index)) continue;
    (found->second.mask ? free_masks_ : free_vectors_).push_back(found->second.number);
    values_.erase(found);
  }
}

void Writer::store(size_t index, int number) {
  const PlacedOp& p = ops_[index];
  // Elements of another size in the same place: these would be written over some that are still to be read.
  const auto loaded = loaded_bytes_.find(key_of(p.out));
  if (loaded != loaded_bytes_.end() && loaded->second != item_bytes(p.op.dtype)) failed_ = true;
  const Memory to = at(p.out, p.op.dtype);
  if (p.op.dtype == PHX_BOOL) {
    const int bytes = new_vector();
    Memory ones;
    ones.constant = ones_;
    a_.vector(load_bytes, bytes, 0, ones, number, true);
    a_.vector(store_bytes, bytes, 0, to, tail_or_all());
    free_vectors_.push_back(bytes);
  } else {
    a_.vector(store_vector, number, 0, to, tail_or_all());
  }
}

void Writer::one(size_t index) {
  const PlacedOp& p = ops_[index];
  const Op& op = p.op;
  const int arity = p.arity;
  int in[4] = {};
  for (int k = 0; k < arity; k++) in[k] = read(index, k);
  if (failed_) return;

  const bool comparison = is_comparison(op.opcode);
  const bool onto_third =
      op.opcode == multiply_plus || op.opcode == multiply_minus || op.opcode == minus_multiply;
  bool taken = false;  // the third argument's register becomes the result's
  int to = 0;
  if (comparison) {
    to = new_mask();
  } else if (onto_third && dies(index, 2)) {
    to = in[2];
    taken = true;
  } else {
    to = new_vector();
  }
  if (failed_) return;

  const auto element = [&](int32_t at) {
    Memory m;
    m.constant = at;
    return m;
  };
  const auto constant = [&](int32_t at) {
    Memory m = element(at);
    m.spread = true;
    return m;
  };
  const auto compared = [&](int mask, int a, int b, int32_t relation, bool floats) {
    a_.vector(floats ? compare_floats : compare_integers, mask, a, b);
    a_.byte(predicate(relation, floats));
  };
  switch (op.opcode) {
    case PHX_ADD: a_.vector(add, to, in[0], in[1]); break;
    case PHX_SUB: a_.vector(subtract, to, in[0], in[1]); break;
    case PHX_MUL: a_.vector(multiply, to, in[0], in[1]); break;
    case PHX_DIV: a_.vector(divide, to, in[0], in[1]); break;
    case PHX_MAXIMUM:
    case PHX_MINIMUM: {  // these give the second one if either is NaN
      a_.vector(op.opcode == PHX_MAXIMUM ? most : least, to, in[0], in[1]);
      const int mask = new_mask();
      a_.vector(compare_floats, mask, in[0], in[0]);
      a_.byte(3);  // unordered
      a_.vector(move_vector, to, 0, in[0], mask);
      free_masks_.push_back(mask);
      break;
    }
    case PHX_NEG: a_.vector(bits_xor, to, in[0], constant(a_.constant(0x80000000u))); break;
    case PHX_ABS: a_.vector(bits_and, to, in[0], constant(a_.constant(0x7fffffffu))); break;
    case PHX_FLOOR:
    case PHX_ROUND:
      a_.vector(round_floats, to, 0, in[0]);
      a_.byte(op.opcode == PHX_FLOOR ? 9 : 8);
      break;
    case PHX_SQRT: a_.vector(square_root, to, 0, in[0]); break;
    case PHX_RSQRT: {
      const int one = new_vector();
      a_.vector(spread, one, 0, element(a_.constant(1.0f)));
      a_.vector(square_root, to, 0, in[0]);
      a_.vector(divide, to, one, to);
      free_vectors_.push_back(one);
      break;
    }
    case PHX_INTEGER_POW: {
      const int square = new_vector();
      a_.vector(move_vector, square, 0, in[0]);
      a_.vector(spread, to, 0, element(a_.constant(1.0f)));
      const uint64_t exponent = uint64_t(op.immediate < 0 ? -op.immediate : op.immediate);
      for (uint64_t e = exponent; e; e >>= 1) {
        if (e & 1) a_.vector(multiply, to, to, square);
        if (e > 1) a_.vector(multiply, square, square, square);
      }
      if (op.immediate < 0) {
        a_.vector(spread, square, 0, element(a_.constant(1.0f)));
        a_.vector(divide, to, square, to);
      }
      free_vectors_.push_back(square);
      break;
    }
    case multiply_plus:
    case multiply_minus:
    case minus_multiply: {
      if (!taken) a_.vector(move_vector, to, 0, in[2]);
      const uint8_t opcode = op.opcode == multiply_plus ? 0xb8 : op.opcode == multiply_minus ? 0xba : 0xbc;
      a_.vector(A::Form{A::map_0f38, A::p66, opcode}, to, in[0], in[1]);
      break;
    }
    case PHX_WHERE: a_.vector(blend, to, in[2], in[1], in[0]); break;
    case compare_where: {
      const int mask = new_mask();
      compared(mask, in[0], in[1], op.relation, true);
      a_.vector(blend, to, in[3], in[2], mask);
      free_masks_.push_back(mask);
      break;
    }
    default: compared(to, in[0], in[1], op.opcode, op.from == PHX_FLOAT32); break;
  }
  if (failed_) return;
  if (taken) values_.erase(key_of(p.arguments[2]));
  free_read(index);
  if (flow_.last_read[index] >= int(end_) || p.out.slot > 0) store(index, to);

  const auto use = needed_until_.find(int(index));
  // What lay in this place before is gone.
  const auto old = values_.find(key_of(p.out));
  if (old != values_.end()) {
    (old->second.mask ? free_masks_ : free_vectors_).push_back(old->second.number);
    values_.erase(old);
  }
  if (use != needed_until_.end()) values_[key_of(p.out)] = {to, comparison, use->second};
  else (comparison ? free_masks_ : free_vectors_).push_back(to);
}

void Writer::free_registers() {
  values_.clear();
  free_vectors_.clear();
  free_masks_.clear();
  for (int i = all_vectors; i-- > first_result_ + results_at_once_;) free_vectors_.push_back(i);
  for (int i = masks; i-- > first_mask;) free_masks_.push_back(i);
}

void Writer::body(bool tail) {
  tail_ = tail;
  free_registers();
  for (size_t i = begin_; i < end_ && !failed_; i++) one(i);
}

// Pushes what must be kept, and loads pointers and what is the same for all elements.
bool Writer::prepare() {
  find_uses();
  if (hoisted_.size() > most_hoisted || !assign_pointers()) return false;
  alignas(16) uint8_t ones[16];
  std::fill(ones, ones + 16, uint8_t(1));
  ones_ = a_.constant(ones, 16);

  const size_t used = pointer_.size() + maxima_go_to().size(),
               saved = used > saved_from ? used - saved_from : 0;
  for (size_t i = 0; i < saved; i++) a_.push(pointers[saved_from + i]);
  int next = 0;
  for (auto& [key, number] : hoisted_) {  // read once: no pointer stays
    number = next++;
    const Source source{key.first, key.second};
    touched_.push_back(source);
    Memory element;
    element.base = rdx;
    element.displacement = source.offset;
    a_.load_pointer(rdx, rdi, source.slot * 8);
    a_.vector(spread, number, 0, element);
  }
  load_places_of_maxima();
  General last = rdi;
  int32_t last_slot = -1;
  for (const auto& [slot, pointer] : pointer_) {
    if (pointer == rdi) last = pointer, last_slot = slot;  // overwrites the list itself: at the end
    else a_.load_pointer(pointer, rdi, slot * 8);
  }
  if (last_slot >= 0) a_.load_pointer(last, rdi, last_slot * 8);
  first_result_ = next;
  return true;
}

void Writer::finish() {
  const size_t used = pointer_.size() + maxima_go_to().size(),
               saved = used > saved_from ? used - saved_from : 0;
  for (size_t i = saved; i-- > 0;) a_.pop(pointers[saved_from + i]);
  a_.raw({0xc5, 0xf8, 0x77, 0xc3});  // vzeroupper, ret
  a_.finish();
}

bool Writer::write() {
  if (!prepare()) return false;
  a_.raw({0x31, 0xc0});  // xor eax, eax
  const int64_t loop = a_.here();
  a_.raw({0x48, 0x8d, 0x50, 0x10});    // lea rdx, [rax + 16]
  a_.raw({0x48, 0x39, 0xf2});          // cmp rdx, rsi
  const int64_t to_tail = a_.jump(7);  // above
  body(false);
  a_.raw({0x48, 0x89, 0xd0});  // mov rax, rdx
  a_.jump_back(loop);
  a_.land(to_tail);
  a_.raw({0x89, 0xf1});               // mov ecx, esi
  a_.raw({0x29, 0xc1});               // sub ecx, eax
  const int64_t to_end = a_.jump(4);  // equal
  a_.raw({0xba});                     // mov edx, 1
  a_.word32(1);
  a_.raw({0xd3, 0xe2});              // shl edx, cl
  a_.raw({0xff, 0xca});              // dec edx
  a_.raw({0xc5, 0xf8, 0x92, 0xca});  // kmovw k1, edx
  body(true);
  a_.land(to_end);
  finish();
  return !failed_;
}

int Writer::results_of_a_vector() const {
  int count = int(results_.sums.size());
  for (const RowMaximum& m : results_.maxima) count += m.places.empty() ? 1 : 2;
  return count;
}

// The register with a value of the row at hand.
int Writer::value_of(Source s) {
  const auto value = values_.find(key_of(s));
  if (value != values_.end()) return value->second.number;
  const int number = new_vector();
  a_.vector(load_vector, number, 0, at(s, PHX_FLOAT32), tail_or_all(), tail_);
  free_vectors_.push_back(number);
  return number;
}

// All rows of some columns: rax counts the elements before a row.
void Writer::rows_of_columns(int first, int vectors) {
  const auto each_vector = [&](const auto& f) {
    for (int v = 0; v < vectors && !failed_; v++) {
      column_ = (first + v) * lanes;
      tail_ = columns_ - column_ < lanes;
      f(first_result_ + v * results_of_a_vector());
    }
  };
  const int sums = int(results_.sums.size());
  Memory zero;
  zero.constant = a_.constant(0x80000000u);  // -0 + x is x for every x
  each_vector([&](int result) {
    for (int i = 0; i < sums; i++) a_.vector(spread, result + i, 0, zero);
  });
  a_.raw({0x31, 0xc0});  // xor eax, eax
  first_row();
  const int64_t loop = a_.here();
  for (int row = 0; row < results_.rows_in_group; row++) {
    each_vector([&](int result) {
      body(tail_);
      for (const RowSum& s : results_.sums) a_.vector(add, result, result, value_of(s.value)), result++;
      find_maxima(row, result);
    });
    a_.raw({0x48, 0x05});  // add rax, columns
    a_.word32(columns_);
    next_row();
  }
  each_vector([&](int result) { store_maxima(result + sums); });
  next_places_of_maxima();
  a_.raw({0x48, 0x39, 0xf0});  // cmp rax, rsi
  a_.jump_back(loop, 2);       // below
  each_vector([&](int result) {
    for (const RowSum& s : results_.sums)
      a_.vector(store_vector, result++, 0, at(s.to, PHX_FLOAT32, PlacedOp::in_rows), tail_or_all());
  });
}

bool Writer::write_rows(int64_t columns, int vectors, const RowResults& results,
                        const std::vector<RowWalk>& walks) {
  columns_ = columns;
  results_ = results;
  walks_ = walks;
  if (!prepare()) return false;
  make_walks();
  const int all = int((columns + lanes - 1) / lanes);
  if (columns % lanes) {
    a_.raw({0xb8});  // mov eax, ...
    a_.word32((int64_t(1) << columns % lanes) - 1);
    a_.raw({0xc5, 0xf8, 0x92, 0xc8});  // kmovw k1, eax
  }
  for (int first = 0; first < all; first += vectors) {
    const int now = std::min(vectors, all - first);
    results_at_once_ = now * results_of_a_vector();
    if (first_result_ + results_at_once_ >= all_vectors) return false;
    if (first > 0) back_to_first_row();
    const size_t moving = maxima_go_to().size();
    for (size_t i = 0; i < moving; i++) a_.push(pointers[pointer_.size() + i]);
    rows_of_columns(first, now);
    for (size_t i = moving; i-- > 0;) a_.pop(pointers[pointer_.size() + i]);
  }
  finish();
  return !failed_;
}

}  // namespace phynexus
