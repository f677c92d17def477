// How x86-64 instructions become bytes: prefixes, registers and addresses, constants behind the code, and
// displacements that are known only when the code is complete.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <utility>
#include <vector>

#include "extension.h"

namespace phynexus::x86 {

enum General : uint8_t { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };

// A constant behind the code, as an offset among them.
struct Constant {
  int32_t offset = -1;
};

// A part of a file of registers in memory, by its offset there. The part may move once the code is written.
struct Part {
  int32_t offset = -1;
  bool exists() const { return offset >= 0; }
};

// [base + index * scale + displacement], or a constant behind the code.
struct Address {
  General base = rax;
  int32_t displacement = 0;
  bool indexed = false;
  General index = rax;     // or another one below r8
  uint8_t scale = 0;       // of the index: its logarithm
  bool broadcast = false;  // one element, to all lanes
  uint8_t unit = 0;  // bytes that a displacement of one byte counts; 0: it has four bytes (with AVX2: 1)
  Part part = {};    // where the displacement points to, if that may move
  Constant constant = {};  // instead of all this
  bool is_constant() const { return constant.offset >= 0; }
};

// Which lanes an instruction writes: those of a mask register (0: all), the others becoming 0 or staying.
struct Lanes {
  int mask = 0;
  bool zero = false;
};

// A place in the code where the displacement of a part is written.
struct PartUse {
  int64_t at = 0;
  int32_t part = 0;
};

class Encoder {
 public:
  explicit Encoder(Extension extension) : extension_(extension) {}

  Extension extension() const { return extension_; }
  bool is_avx2() const { return extension_ == Extension::avx2; }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  const std::vector<PartUse>& part_uses() const { return part_uses_; }
  std::vector<uint8_t> take_bytes() { return std::move(bytes_); }
  std::vector<PartUse> take_part_uses() { return std::move(part_uses_); }

  Constant constant(const void* data, int64_t size) {
    const uint8_t* raw = static_cast<const uint8_t*>(data);
    if (is_avx2()) {  // whole vectors: each lies in one line of the cache, and those that are the same in one place
      constants_.resize((constants_.size() + 31) / 32 * 32);
      for (size_t at = 0; at + size_t(size) <= constants_.size(); at += 32)
        if (std::equal(raw, raw + size, constants_.begin() + int64_t(at))) return {int32_t(at)};
    }
    constants_.insert(constants_.end(), raw, raw + size);
    return {int32_t(int64_t(constants_.size()) - size)};
  }
  Constant constant(float value) { return constant(&value, sizeof value); }
  Constant constant(uint32_t bits) { return constant(&bits, sizeof bits); }

  // Writes the constants behind the code, which is complete.
  void finish() {
    if (constants_.empty()) return;
    while (bytes_.size() % (is_avx2() ? 32 : 16)) byte(0xcc);
    const int64_t start = here();
    bytes_.insert(bytes_.end(), constants_.begin(), constants_.end());
    for (const ConstantUse& use : constant_uses_)
      patch(use.at, start + use.constant.offset - (use.at + 4 + use.bytes_behind));
  }

 protected:
  enum Map : uint8_t { map_0f = 1, map_0f38 = 2, map_0f3a = 3 };
  enum Prefix : uint8_t { none = 0, p66 = 1, pf3 = 2, pf2 = 3 };
  enum Length : uint8_t { xmm = 0, ymm = 1, zmm = 2 };
  struct Form {
    Map map;
    Prefix prefix;
    uint8_t opcode;
    Length length = zmm;
  };

  int64_t here() const { return int64_t(bytes_.size()); }
  void byte(int value) { bytes_.push_back(uint8_t(value)); }
  void raw(std::initializer_list<int> values) {
    for (const int value : values) byte(value);
  }
  void word32(int64_t value) {
    bytes_.insert(bytes_.end(), 4, 0);
    patch(here() - 4, value);
  }
  void patch(int64_t at, int64_t value) {
    const int32_t narrow = int32_t(value);
    std::memcpy(bytes_.data() + at, &narrow, sizeof narrow);
  }

  // ---- general registers ----------------------------------------------------------------------------------

  // 64 bits where `wide`; `reg` and `rm` are the two registers that a byte of operands names.
  void rex(bool wide, General reg, General rm) {
    const int prefix = 0x40 | wide << 3 | (reg >> 3 & 1) << 2 | (rm >> 3 & 1);
    if (prefix != 0x40) byte(prefix);
  }
  void two_registers(bool wide, int opcode, General reg, General rm) {
    rex(wide, reg, rm);
    raw({opcode, 0xc0 | (reg & 7) << 3 | (rm & 7)});
  }
  // [base + displacement], in four bytes, or in one where `near`.
  void base_and_displacement(int reg, General base, int32_t displacement, bool near = false) {
    byte((near ? 0x40 : 0x80) | (reg & 7) << 3 | (base & 7));
    if ((base & 7) == rsp) byte(0x24);  // these two have a byte for an index: none
    if (near) byte(displacement);
    else word32(displacement);
  }
  // So many bytes of the instruction follow: constants are found from its end.
  void constant_address(int reg, Constant constant, int bytes_behind = 0) {
    byte((reg & 7) << 3 | 5);
    constant_uses_.push_back({here(), constant, bytes_behind});
    word32(0);
  }
  void displacement_of(Part part, int64_t displacement) {
    if (part.exists()) part_uses_.push_back({here(), part.offset});
    word32(displacement);
  }

  // ---- vectors --------------------------------------------------------------------------------------------

  void vector(Form form, int destination, int first, int second, Lanes lanes) {
    prefix(form, destination, first, !(second >> 3 & 1), !(second >> 4 & 1), false, lanes);
    raw({form.opcode, 0xc0 | (destination & 7) << 3 | (second & 7)});
  }
  void vector(Form form, int destination, int first, const Address& a, Lanes lanes, int bytes_behind = 0) {
    prefix(form, destination, first, a.is_constant() || !(a.base >> 3 & 1), true, a.broadcast, lanes);
    byte(form.opcode);
    if (a.is_constant()) return constant_address(destination, a.constant, bytes_behind);
    if (a.indexed || (a.base & 7) == rsp) {
      const int index = a.indexed ? a.index : rsp;  // rsp: none
      raw({0x80 | (destination & 7) << 3 | 4, a.scale << 6 | (index & 7) << 3 | (a.base & 7)});
      return displacement_of(a.part, a.displacement);
    }
    const int32_t unit = is_avx2() && !a.part.exists() ? 1 : a.unit, units = unit ? a.displacement / unit : 0;
    const bool near = unit && units * unit == a.displacement && units >= -128 && units < 128;
    byte((near ? 0x40 : 0x80) | (destination & 7) << 3 | (a.base & 7));
    if (near) byte(units);
    else displacement_of(a.part, a.displacement);
  }

 private:
  struct ConstantUse {
    int64_t at;
    Constant constant;
    int bytes_behind;  // of the instruction
  };

  // b and x: their bits as stored, inverted.
  void prefix(Form form, int destination, int first, bool b, bool x, bool broadcast, Lanes lanes) {
    if (is_avx2()) vex(form, destination, first, b, x);
    else evex(form, destination, first, b, x, broadcast, lanes);
  }
  // Of four bytes.
  void evex(Form form, int destination, int first, bool b, bool x, bool broadcast, Lanes lanes) {
    byte(0x62);
    byte((~destination >> 3 & 1) << 7 | x << 6 | b << 5 | (~destination >> 4 & 1) << 4 | form.map);
    byte((~first & 15) << 3 | 4 | form.prefix);
    byte(lanes.zero << 7 | form.length << 5 | broadcast << 4 | (~first >> 4 & 1) << 3 | lanes.mask);
  }

  // Of three bytes. Vectors have 256 bits.
  void vex(Form form, int destination, int first, bool b, bool x) {
    byte(0xc4);
    byte((~destination >> 3 & 1) << 7 | x << 6 | b << 5 | form.map);
    byte((~first & 15) << 3 | (form.length > 0) << 2 | form.prefix);
  }

  const Extension extension_;
  std::vector<uint8_t> bytes_, constants_;
  std::vector<ConstantUse> constant_uses_;
  std::vector<PartUse> part_uses_;
};

}  // namespace phynexus::x86
