#include "fused_code.h"

#include <algorithm>
#include <array>
#include <climits>
#include <map>
#include <utility>

#include "../code/assembler.h"

namespace phynexus {
namespace {

using A = Assembler;
using Key = std::pair<int32_t, int32_t>;

constexpr int vectors = 32, tail_mask = 1, first_mask = 2, masks = 8;
constexpr size_t most_hoisted = 10;
constexpr int64_t most_exponent = 16;
// rax counts elements, rdx and rcx are for the loop, rsi is their number.
constexpr General pointers[] = {rdi, r8, r9, r10, r11, rbx, rbp, r13, r14, r15};
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

Key key_of(Source s) { return {s.slot, s.offset}; }

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

bool is_comparison(int32_t opcode) { return opcode >= PHX_EQUAL && opcode <= PHX_GREATER_EQUAL; }

bool can_write(const PlacedOp& p) {
  if (!p.known || p.single) return false;
  const Op& op = p.op;
  if (is_comparison(op.opcode)) return op.from == PHX_FLOAT32 || op.from == PHX_INT32;
  if (op.opcode == PHX_WHERE)
    return !p.uniform[0] && (op.dtype == PHX_FLOAT32 || op.dtype == PHX_INT32 || op.dtype == PHX_UINT32);
  if (op.from != PHX_FLOAT32 || op.dtype != PHX_FLOAT32) return false;
  switch (op.opcode) {
    case PHX_NEG:
    case PHX_ABS:
    case PHX_FLOOR:
    case PHX_ROUND:
    case PHX_SQRT:
    case PHX_RSQRT:
    case PHX_ADD:
    case PHX_SUB:
    case PHX_MUL:
    case PHX_DIV:
    case PHX_MAXIMUM:
    case PHX_MINIMUM:
    case multiply_plus:
    case multiply_minus:
    case minus_multiply:
    case compare_where: return true;
    case PHX_INTEGER_POW: return op.immediate >= -most_exponent && op.immediate <= most_exponent;
    default: return false;
  }
}

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
      if (const auto found = now.find(key_of(s)); found != now.end()) last_read[size_t(found->second)] = INT_MAX;
  }
};

// The code of ops [begin, end) of a list.
class Writer {
 public:
  Writer(const std::vector<PlacedOp>& ops, const Flow& flow, size_t begin, size_t end)
      : ops_(ops), flow_(flow), begin_(begin), end_(end) {}

  // False where it takes more registers than there are.
  bool write();
  const std::vector<uint8_t>& bytes() const { return a_.bytes(); }
  const std::vector<Source>& touched() const { return touched_; }

 private:
  struct Value {
    int number = 0;
    bool mask = false;
    int last_use = 0;  // the last op of these that reads it
  };

  void find_uses();
  bool assign_pointers();
  void body(bool tail);
  void one(size_t index);
  void store(size_t index, int number);
  int read(size_t index, int argument);
  int new_vector();
  int new_mask();
  void free_read(size_t index);
  bool dies(size_t index, int argument) const;
  Memory at(Source s, int32_t dtype, bool element);
  void blend_into(int to, int mask, int no, int yes) { a_.vector(blend, to, no, yes, mask); }
  int tail_or_all() const { return tail_ ? tail_mask : 0; }

  const std::vector<PlacedOp>& ops_;
  const Flow& flow_;
  const size_t begin_, end_;
  Assembler a_;
  std::map<int32_t, General> pointer_;      // of a slot
  std::map<Key, int> hoisted_;              // registers of what is the same for all elements
  std::map<Key, int> loaded_until_;         // the last op here that reads what an earlier one left in memory
  std::map<Key, int32_t> loaded_bytes_;     // of an element of it
  std::map<int, int> needed_until_;         // the last op here that reads an op's result
  std::map<Key, Value> values_;
  std::vector<int> free_vectors_, free_masks_;
  std::vector<Source> touched_;
  int32_t ones_ = 0;
  bool tail_ = false, failed_ = false;
};

void Writer::find_uses() {
  for (size_t i = begin_; i < end_; i++)
    for (int k = 0; k < ops_[i].arity; k++) {
      const Key key = key_of(ops_[i].arguments[k]);
      const int from = flow_.definition[i][size_t(k)];
      if (ops_[i].uniform[k]) hoisted_.emplace(key, 0);
      else if (from >= int(begin_)) needed_until_[from] = int(i);
      else loaded_until_[key] = int(i), loaded_bytes_[key] = item_bytes(ops_[i].dtypes[k]);
    }
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
    for (int k = 0; k < ops_[i].arity; k++) use(ops_[i].arguments[k]);
  }
  return pointer_.size() <= most_pointers;
}

Memory Writer::at(Source s, int32_t dtype, bool element) {
  touched_.push_back(s);
  Memory m;
  m.base = pointer_.at(s.slot);
  m.displacement = s.offset;
  m.indexed = !element;
  m.scale = dtype == PHX_BOOL ? 0 : 2;
  return m;
}

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
  Value value{0, dtype == PHX_BOOL, loaded_until_.at(key)};
  if (value.mask) {
    value.number = new_mask();
    const int bytes = new_vector();
    a_.vector(load_bytes, bytes, 0, at(source, dtype, false), tail_or_all(), tail_);
    a_.vector(test_bytes, value.number, bytes, bytes);
    free_vectors_.push_back(bytes);
  } else {
    value.number = new_vector();
    a_.vector(load_vector, value.number, 0, at(source, dtype, false), tail_or_all(), tail_);
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
  const Memory to = at(p.out, p.op.dtype, false);
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
  const bool onto_third = op.opcode == multiply_plus || op.opcode == multiply_minus || op.opcode == minus_multiply;
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
    case PHX_WHERE: blend_into(to, in[0], in[2], in[1]); break;
    case compare_where: {
      const int mask = new_mask();
      compared(mask, in[0], in[1], op.relation, true);
      blend_into(to, mask, in[3], in[2]);
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

void Writer::body(bool tail) {
  tail_ = tail;
  values_.clear();
  free_vectors_.clear();
  free_masks_.clear();
  for (int i = vectors; i-- > int(hoisted_.size());) free_vectors_.push_back(i);
  for (int i = masks; i-- > first_mask;) free_masks_.push_back(i);
  for (size_t i = begin_; i < end_ && !failed_; i++) one(i);
}

bool Writer::write() {
  find_uses();
  if (hoisted_.size() > most_hoisted || !assign_pointers()) return false;
  alignas(16) uint8_t ones[16];
  std::fill(ones, ones + 16, uint8_t(1));
  ones_ = a_.constant(ones, 16);

  const size_t saved = pointer_.size() > saved_from ? pointer_.size() - saved_from : 0;
  for (size_t i = 0; i < saved; i++) a_.push(pointers[saved_from + i]);
  General last = rdi;
  int32_t last_slot = -1;
  for (const auto& [slot, pointer] : pointer_) {
    if (pointer == rdi) last = pointer, last_slot = slot;  // overwrites the list itself: at the end
    else a_.load_pointer(pointer, rdi, slot * 8);
  }
  if (last_slot >= 0) a_.load_pointer(last, rdi, last_slot * 8);
  int next = 0;
  for (auto& [key, number] : hoisted_) {
    number = next++;
    a_.vector(spread, number, 0, at({key.first, key.second}, PHX_FLOAT32, true));
  }

  a_.raw({0x31, 0xc0});  // xor eax, eax
  const int64_t loop = a_.here();
  a_.raw({0x48, 0x8d, 0x50, 0x10});  // lea rdx, [rax + 16]
  a_.raw({0x48, 0x39, 0xf2});        // cmp rdx, rsi
  const int64_t to_tail = a_.jump(7);  // above
  body(false);
  a_.raw({0x48, 0x89, 0xd0});  // mov rax, rdx
  a_.jump_back(loop);
  a_.land(to_tail);
  a_.raw({0x89, 0xf1});  // mov ecx, esi
  a_.raw({0x29, 0xc1});  // sub ecx, eax
  const int64_t to_end = a_.jump(4);  // equal
  a_.raw({0xba});  // mov edx, 1
  a_.word32(1);
  a_.raw({0xd3, 0xe2});              // shl edx, cl
  a_.raw({0xff, 0xca});              // dec edx
  a_.raw({0xc5, 0xf8, 0x92, 0xca});  // kmovw k1, edx
  body(true);
  a_.land(to_end);
  for (size_t i = saved; i-- > 0;) a_.pop(pointers[saved_from + i]);
  a_.raw({0xc5, 0xf8, 0x77, 0xc3});  // vzeroupper, ret
  a_.finish();
  return !failed_;
}

}  // namespace

std::vector<Source> write_code(std::vector<FusedOp>& ops, const std::vector<PlacedOp>& placed,
                               const std::vector<Source>& read_after, CodeMemory* memory) {
  std::vector<Source> touched;
  const auto keep = [&](std::vector<FusedOp>& list, const FusedOp& op, const PlacedOp& its) {
    list.push_back(op);
    touched.push_back(its.out);
    touched.insert(touched.end(), its.arguments, its.arguments + its.arity);
  };
  // What is one element for the whole block depends on nothing else.
  std::vector<FusedOp> result, rest;
  std::vector<PlacedOp> described;
  for (size_t i = 0; i < ops.size(); i++) {
    if (placed[i].known && placed[i].single) {
      keep(result, ops[i], placed[i]);
    } else {
      rest.push_back(ops[i]);
      described.push_back(placed[i]);
    }
  }
  const Flow flow(described, read_after);
  // As long a run from `begin` as the registers allow; false for fewer than two ops.
  const auto code_from = [&](size_t begin, size_t& end, FusedOp& op) {
    for (end = begin; end < rest.size() && can_write(described[end]);) end++;
    for (; end > begin + 1; end--) {
      Writer writer(described, flow, begin, end);
      if (!writer.write()) continue;
      touched.insert(touched.end(), writer.touched().begin(), writer.touched().end());
      const void* code = memory ? memory->add(writer.bytes()) : nullptr;
      op.code = reinterpret_cast<FusedCode>(const_cast<void*>(code));
      return code || !memory;
    }
    return false;
  };
  for (size_t i = 0, end = 0; i < rest.size();) {
    if (FusedOp op; code_from(i, end, op)) {
      result.push_back(op);
      i = end;
    } else {
      keep(result, rest[i], described[i]);
      i++;
    }
  }
  if (memory) ops = std::move(result);
  return touched;
}

}  // namespace phynexus
