// Bytes of x86-64 instructions with 512-bit vectors (AVX-512 F, BW, VL): the few that element-wise code needs.
// Operands are named as in Intel's manual (volume 2): destination first, then the first source (vvvv), then the
// second one, a register or memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace phynexus {

enum General : uint8_t { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };

// [base + index * scale + displacement], or a constant of the code's own pool.
struct Memory {
  General base = rax;
  int32_t displacement = 0;
  bool indexed = false;
  General index = rax;  // or another one below r8
  uint8_t scale = 0;    // of the index: its logarithm
  bool spread = false;  // one element, to all lanes
  int32_t constant = -1;
  uint8_t unit = 0;  // bytes that a short displacement counts, as the form has it; 0 for long ones only
};

class Assembler {
 public:
  enum Map : uint8_t { map_0f = 1, map_0f38 = 2, map_0f3a = 3 };
  enum Prefix : uint8_t { none = 0, p66 = 1, pf3 = 2, pf2 = 3 };
  struct Form {
    Map map;
    Prefix prefix;
    uint8_t opcode;
    bool wide = false;
    uint8_t length = 2;  // 0: 128 bits, 1: 256, 2: 512
  };

  const std::vector<uint8_t>& bytes() const { return bytes_; }
  int64_t here() const { return int64_t(bytes_.size()); }
  void byte(int value) { bytes_.push_back(uint8_t(value)); }
  void word32(int64_t value) {
    const int32_t narrow = int32_t(value);
    uint8_t raw[4];
    std::memcpy(raw, &narrow, 4);
    bytes_.insert(bytes_.end(), raw, raw + 4);
  }

  // ---- vectors ----------------------------------------------------------------------------------------------

  // mask: the k register that selects lanes, 0 for all. zero: other lanes become 0.
  void vector(Form form, int destination, int first, int second, int mask = 0, bool zero = false) {
    prefix(form, destination, first, !(second >> 3 & 1), !(second >> 4 & 1), false, mask, zero);
    byte(form.opcode);
    byte(0xc0 | (destination & 7) << 3 | (second & 7));
  }
  void vector(Form form, int destination, int first, const Memory& m, int mask = 0, bool zero = false,
              int bytes_after = 0) {
    const int index = m.indexed ? m.index : rsp;  // rsp: none
    prefix(form, destination, first, m.constant >= 0 || !(m.base >> 3 & 1), true, m.spread, mask, zero);
    byte(form.opcode);
    if (m.constant >= 0) {
      byte((destination & 7) << 3 | 5);
      uses_.push_back({here(), m.constant, bytes_after});
      word32(0);
      return;
    }
    if (!m.indexed && (m.base & 7) != 4) {  // no index: no byte for one
      const int32_t units = m.unit ? m.displacement / m.unit : 0;
      const bool fits = m.unit && units * m.unit == m.displacement && units >= -128 && units < 128;
      byte((fits ? 0x40 : 0x80) | (destination & 7) << 3 | (m.base & 7));
      if (fits) byte(units);
      else word32(m.displacement);
      return;
    }
    byte(0x80 | (destination & 7) << 3 | 4);
    byte(m.scale << 6 | (index & 7) << 3 | (m.base & 7));
    word32(m.displacement);
  }

  // A constant of 4 or 16 bytes, for Memory::constant, or a table.
  int32_t constant(const void* data, int64_t size) {
    const uint8_t* raw = static_cast<const uint8_t*>(data);
    pool_.insert(pool_.end(), raw, raw + size);
    return int32_t(int64_t(pool_.size()) - size);
  }
  int32_t constant(float value) { return constant(&value, 4); }
  int32_t constant(uint32_t bits) { return constant(&bits, 4); }

  // ---- the rest ---------------------------------------------------------------------------------------------

  void push(General r) {
    if (r >= r8) byte(0x41);
    byte(0x50 | (r & 7));
  }
  void pop(General r) {
    if (r >= r8) byte(0x41);
    byte(0x58 | (r & 7));
  }
  void load_pointer(General to, General base, int32_t displacement) {  // mov to, [base + displacement]
    byte(0x48 | (to >> 3 & 1) << 2 | (base >> 3 & 1));
    byte(0x8b);
    byte(0x80 | (to & 7) << 3 | (base & 7));  // base is never rsp or r12
    word32(displacement);
  }
  void add(General to, int64_t value) {
    byte(0x48 | (to >> 3 & 1));
    byte(0x81);
    byte(0xc0 | (to & 7));
    word32(value);
  }
  void prefetch(const Memory& m) {  // to all caches; of no index
    if (m.base >= r8) byte(0x41);
    raw({0x0f, 0x18, 0x80 | 1 << 3 | 4, 4 << 3 | (m.base & 7)});
    word32(m.displacement);
  }
  void load_address(General to, int32_t constant) {  // lea to, [a constant]
    byte(0x48 | (to >> 3 & 1) << 2);
    byte(0x8d);
    byte((to & 7) << 3 | 5);
    uses_.push_back({here(), constant, 0});
    word32(0);
  }
  void raw(std::initializer_list<int> bytes) {
    for (int b : bytes) byte(b);
  }
  // A jump of four bytes; `condition` as in 0f 8x, or -1.
  int64_t jump(int condition) {
    if (condition < 0) byte(0xe9);
    else raw({0x0f, 0x80 | condition});
    word32(0);
    return here();
  }
  void land(int64_t after_jump) { patch(after_jump - 4, here() - after_jump); }
  void jump_back(int64_t target, int condition = -1) {
    if (condition < 0) byte(0xe9);
    else raw({0x0f, 0x80 | condition});
    word32(target - (here() + 4));
  }

  // The pool behind the code.
  void finish() {
    while (bytes_.size() % 16) byte(0xcc);
    const int64_t start = here();
    bytes_.insert(bytes_.end(), pool_.begin(), pool_.end());
    for (const Use& use : uses_) patch(use.at, start + use.constant - (use.at + 4 + use.bytes_after));
  }

 private:
  struct Use {
    int64_t at;
    int32_t constant, bytes_after;
  };

  void patch(int64_t at, int64_t value) {
    const int32_t narrow = int32_t(value);
    std::memcpy(bytes_.data() + at, &narrow, 4);
  }

  // The four bytes of EVEX; b and x: their bits as stored, inverted.
  void prefix(Form form, int destination, int first, bool b, bool x, bool broadcast, int mask, bool zero) {
    byte(0x62);
    byte((~destination >> 3 & 1) << 7 | x << 6 | b << 5 | (~destination >> 4 & 1) << 4 | form.map);
    byte(form.wide << 7 | (~first & 15) << 3 | 4 | form.prefix);
    byte(zero << 7 | form.length << 5 | broadcast << 4 | (~first >> 4 & 1) << 3 | mask);
  }

  std::vector<uint8_t> bytes_, pool_;
  std::vector<Use> uses_;
};

}  // namespace phynexus
