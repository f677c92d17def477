// Lanes of vectors, all or some: AVX-512 has registers that say which, with AVX2 a vector does.
#pragma once

#include "../assembler.h"

namespace phynexus::fused {

// Masks of the lanes that the last elements fill: a mask register, and a vector.
inline constexpr int tail_mask = 1, avx2_tail_mask = 15;

// The first lanes, up to one less than all: their number is in ecx, or known here. Others are lost: rcx, rdx, rax.
void set_tail_mask(x86::Assembler& a);
void set_tail_mask(x86::Assembler& a, int64_t lanes);
// All lanes, or those of the tail.
void load_lanes(x86::Assembler& a, int to, const x86::Address& from, bool tail);
void store_lanes(x86::Assembler& a, const x86::Address& to, int from, bool tail);
// `yes` where the mask says so.
void select(x86::Assembler& a, int to, int no, int yes, int mask);
// Where the mask says so.
void move_lanes(x86::Assembler& a, int to, int from, int mask);
// The same bits in all lanes, as an operand.
x86::Address in_all_lanes(x86::Assembler& a, uint32_t bits);

}  // namespace phynexus::fused
