// The x86-64 instructions that written code is made of, by their names in Intel's manual (volume 2), with vectors of
// 512 bits (AVX-512) or of 256 (AVX2, FMA). Destinations come first. Each is encoded as GNU as does, with
// displacements and numbers of four bytes unless an operand says otherwise.
#pragma once

#include "encoder.h"

namespace phynexus::x86 {

// When a jump is taken, after cmp or dec.
enum class Condition : uint8_t { below = 2, equal = 4, not_equal = 5, above = 7 };

enum class Float : uint8_t {  // predicates of vcmpps
  equal = 0,
  unordered = 3,  // one of two is NaN
  not_equal = 4,
  ordered = 7,
  less = 0x11,  // false for NaN, as the next three
  less_equal = 0x12,
  greater_equal = 0x1d,
  greater = 0x1e,
  not_less_equal = 0x16,  // true for NaN, as the next
  not_greater = 0x1a
};

enum class Integer : uint8_t {  // predicates of vpcmpd
  equal = 0,
  less = 1,
  less_equal = 2,
  not_equal = 4,
  greater_equal = 5,
  greater = 6
};

enum class Rounding : uint8_t { even = 8, down = 9 };  // of vrndscaleps

class Assembler : public Encoder {
 public:
  explicit Assembler(Extension extension) : Encoder(extension) {}

  // ---- general registers ----------------------------------------------------------------------------------

  void push(General r) {
    rex(false, rax, r);
    byte(0x50 | (r & 7));
  }
  void pop(General r) {
    rex(false, rax, r);
    byte(0x58 | (r & 7));
  }
  void mov(General to, General from) { two_registers(true, 0x89, from, to); }
  void mov32(General to, General from) { two_registers(false, 0x89, from, to); }
  void mov32(General to, int64_t number) {
    rex(false, rax, to);
    byte(0xb8 | (to & 7));
    word32(number);
  }
  void load(General to, General base, int32_t displacement) {  // mov to, [base + displacement]
    rex(true, to, base);
    byte(0x8b);
    base_and_displacement(to, base, displacement);
  }
  void movsxd(General to, General base, int32_t displacement) {
    rex(true, to, base);
    byte(0x63);
    base_and_displacement(to, base, displacement);
  }
  void lea(General to, General base, int32_t displacement) {
    rex(true, to, base);
    byte(0x8d);
    base_and_displacement(to, base, displacement);
  }
  void lea_near(General to, General base, int8_t displacement) {
    rex(true, to, base);
    byte(0x8d);
    base_and_displacement(to, base, displacement, true);
  }
  void lea(General to, Constant constant) {
    rex(true, to, rax);
    byte(0x8d);
    constant_address(to, constant);
  }
  void add(General to, General from) { two_registers(true, 0x01, from, to); }
  void add(General to, int64_t number, Part part = {}) {
    rex(true, rax, to);
    if (to == rax) byte(0x05);
    else raw({0x81, 0xc0 | (to & 7)});
    displacement_of(part, number);
  }
  void sub(General to, General from) { two_registers(true, 0x29, from, to); }
  void sub32(General to, General from) { two_registers(false, 0x29, from, to); }
  void xor32(General to, General from) { two_registers(false, 0x31, from, to); }
  void inc(General r) { two_registers(true, 0xff, rax, r); }
  void dec32(General r) { two_registers(false, 0xff, rcx, r); }
  void shl32_cl(General r) { two_registers(false, 0xd3, rsp, r); }
  void cmp(General a, General b) { two_registers(true, 0x39, b, a); }
  void prefetcht0(General base, int32_t displacement, Part part = {}) {
    rex(false, rax, base);
    raw({0x0f, 0x18, 0x80 | 1 << 3 | (base & 7)});
    if ((base & 7) == rsp) byte(0x24);
    displacement_of(part, displacement);
  }
  void kmovw(int mask, General from) {  // from a register below r8
    raw({0xc5, 0xf8, 0x92, 0xc0 | mask << 3 | from});
  }
  void vzeroupper() { raw({0xc5, 0xf8, 0x77}); }
  void ret() { byte(0xc3); }

  // ---- jumps ----------------------------------------------------------------------------------------------

  struct Label {
    int64_t at = 0;
  };
  struct Jump {
    int64_t end = 0;
  };
  Label label() const { return {here()}; }
  void jmp(Label back) {
    byte(0xe9);
    word32(back.at - (here() + 4));
  }
  void jcc(Condition condition, Label back) {
    raw({0x0f, 0x80 | int(condition)});
    word32(back.at - (here() + 4));
  }
  // To where land() is called.
  Jump jcc(Condition condition) {
    raw({0x0f, 0x80 | int(condition)});
    word32(0);
    return {here()};
  }
  void land(Jump jump) { patch(jump.end - 4, here() - jump.end); }

  // ---- vectors: numbers of registers; Second is one, or an Address ----------------------------------------
  // With both extensions. Lanes other than all, broadcast addresses and registers from 16 on are AVX-512's; without
  // them vpandd and vpxord are called vpand and vpxor, vrndscaleps is vroundps.

  template <class Second>
  void vmovups(int to, const Second& from, Lanes lanes = {}) {
    vector({map_0f, none, 0x10}, to, 0, from, lanes);
  }
  void vmovups(const Address& to, int from, Lanes lanes = {}) {
    vector({map_0f, none, 0x11}, from, 0, to, lanes);
  }
  void vmovaps(int to, int from, Lanes lanes = {}) { vector({map_0f, none, 0x28}, to, 0, from, lanes); }
  void vbroadcastss(int to, const Address& from, Lanes lanes = {}) {
    vector({map_0f38, p66, 0x18}, to, 0, from, lanes);
  }
  // To a mask, with AVX2 a vector.
  void vcmpps(int mask, int a, int b, Float predicate, Lanes lanes = {}) {
    vector({map_0f, none, 0xc2}, mask, a, b, lanes);
    byte(int(predicate));
  }
  void vcmpps(int mask, int a, const Address& b, Float predicate) {
    vector({map_0f, none, 0xc2}, mask, a, b, {}, 1);
    byte(int(predicate));
  }
  void vrndscaleps(int to, int from, Rounding rounding) {
    vector({map_0f3a, p66, 0x08}, to, 0, from, {});
    byte(int(rounding));
  }
  void vsqrtps(int to, int from) { vector({map_0f, none, 0x51}, to, 0, from, {}); }

  template <class Second>
  void vaddps(int to, int a, const Second& b) {
    vector({map_0f, none, 0x58}, to, a, b, {});
  }
  void vmulps(int to, int a, int b) { vector({map_0f, none, 0x59}, to, a, b, {}); }
  template <class Second>
  void vsubps(int to, int a, const Second& b) {
    vector({map_0f, none, 0x5c}, to, a, b, {});
  }
  void vminps(int to, int a, int b) { vector({map_0f, none, 0x5d}, to, a, b, {}); }
  void vdivps(int to, int a, int b) { vector({map_0f, none, 0x5e}, to, a, b, {}); }
  void vmaxps(int to, int a, int b) { vector({map_0f, none, 0x5f}, to, a, b, {}); }
  template <class Second>
  void vpandd(int to, int a, const Second& b) {
    vector({map_0f, p66, 0xdb}, to, a, b, {});
  }
  template <class Second>
  void vpxord(int to, int a, const Second& b) {
    vector({map_0f, p66, 0xef}, to, a, b, {});
  }
  // to = a * b + to, a * b - to, to - a * b.
  template <class Second>
  void vfmadd231ps(int to, int a, const Second& b) {
    vector({map_0f38, p66, 0xb8}, to, a, b, {});
  }
  void vfmsub231ps(int to, int a, int b) { vector({map_0f38, p66, 0xba}, to, a, b, {}); }
  template <class Second>
  void vfnmadd231ps(int to, int a, const Second& b) {
    vector({map_0f38, p66, 0xbc}, to, a, b, {});
  }

  // ---- with AVX-512 alone ---------------------------------------------------------------------------------

  void vmovups_ymm(const Address& to, int from, Lanes lanes = {}) {
    vector({map_0f, none, 0x11, ymm}, from, 0, to, lanes);
  }
  void vmovdqu8_xmm(int to, const Address& from, Lanes lanes = {}) {
    vector({map_0f, pf2, 0x6f, xmm}, to, 0, from, lanes);
  }
  void vmovdqu8_xmm(const Address& to, int from, Lanes lanes = {}) {
    vector({map_0f, pf2, 0x7f, xmm}, from, 0, to, lanes);
  }
  void vbroadcastf32x8(int to, const Address& from, Lanes lanes = {}) {
    vector({map_0f38, p66, 0x1b}, to, 0, from, lanes);
  }
  void vextractf32x8(int to, int from, int half) {
    vector({map_0f3a, p66, 0x1b}, from, 0, to, {});
    byte(half);
  }
  void vptestmb_xmm(int mask, int a, int b) { vector({map_0f38, p66, 0x26, xmm}, mask, a, b, {}); }
  void vpcmpd(int mask, int a, int b, Integer predicate, Lanes lanes = {}) {
    vector({map_0f3a, p66, 0x1f}, mask, a, b, lanes);
    byte(int(predicate));
  }
  // `yes` where the mask has ones.
  void vblendmps(int to, int no, int yes, int mask) { vector({map_0f38, p66, 0x65}, to, no, yes, {mask}); }

  // ---- with AVX2 alone: masks are vectors, whose elements' signs count ------------------------------------

  void vmaskmovps(int to, int mask, const Address& from) {
    vector({map_0f38, p66, 0x2c}, to, mask, from, {});
  }
  void vmaskmovps(const Address& to, int mask, int from) {
    vector({map_0f38, p66, 0x2e}, from, mask, to, {});
  }
  // `yes` where the mask says so.
  void vblendvps(int to, int no, int yes, int mask) {
    vector({map_0f3a, p66, 0x4a}, to, no, yes, {});
    byte(mask << 4);
  }
  void vmovd(int to, General from) { vector({map_0f, p66, 0x6e, xmm}, to, 0, from, {}); }
  void vpbroadcastd(int to, int from) { vector({map_0f38, p66, 0x58}, to, 0, from, {}); }
  void vpcmpgtd(int to, int a, const Address& b) { vector({map_0f, p66, 0x66}, to, a, b, {}); }
  void vpslld(int to, int from, int count) {
    vector({map_0f, p66, 0x72}, 6, to, from, {});
    byte(count);
  }
  void vpor(int to, int a, int b) { vector({map_0f, p66, 0xeb}, to, a, b, {}); }
  // to = a * to + b
  template <class Second>
  void vfmadd213ps(int to, int a, const Second& b) {
    vector({map_0f38, p66, 0xa8}, to, a, b, {});
  }
};

}  // namespace phynexus::x86
