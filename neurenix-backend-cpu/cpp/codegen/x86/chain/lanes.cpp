// The same for both extensions, each in its own instructions.
#include "lanes.h"

namespace phynexus::fused {

using namespace x86;

void set_tail_mask(Assembler& a) {
  if (a.is_avx2()) {
    const int32_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 7};
    a.vmovd(avx2_tail_mask, rcx);
    a.vpbroadcastd(avx2_tail_mask, avx2_tail_mask);
    return a.vpcmpgtd(avx2_tail_mask, avx2_tail_mask, {.constant = a.constant(numbers, sizeof numbers)});
  }
  a.mov32(rdx, 1);
  a.shl32_cl(rdx);
  a.dec32(rdx);
  a.kmovw(tail_mask, rdx);
}

void set_tail_mask(Assembler& a, int64_t lanes) {
  if (a.is_avx2()) {
    a.mov32(rcx, lanes);
    return set_tail_mask(a);
  }
  a.mov32(rax, (int64_t(1) << lanes) - 1);
  a.kmovw(tail_mask, rax);
}

void load_lanes(Assembler& a, int to, const Address& from, bool tail) {
  if (a.is_avx2() && tail) a.vmaskmovps(to, avx2_tail_mask, from);
  else a.vmovups(to, from, {.mask = tail ? tail_mask : 0, .zero = tail});
}

void store_lanes(Assembler& a, const Address& to, int from, bool tail) {
  if (a.is_avx2() && tail) a.vmaskmovps(to, avx2_tail_mask, from);
  else a.vmovups(to, from, {.mask = tail ? tail_mask : 0});
}

void select(Assembler& a, int to, int no, int yes, int mask) {
  if (a.is_avx2()) a.vblendvps(to, no, yes, mask);
  else a.vblendmps(to, no, yes, mask);
}

void move_lanes(Assembler& a, int to, int from, int mask) {
  if (a.is_avx2()) a.vblendvps(to, to, from, mask);
  else a.vmovaps(to, from, {.mask = mask});
}

Address in_all_lanes(Assembler& a, uint32_t bits) {
  if (!a.is_avx2()) return {.broadcast = true, .constant = a.constant(bits)};
  const uint32_t all[] = {bits, bits, bits, bits, bits, bits, bits, bits};
  return {.constant = a.constant(all, sizeof all)};
}

}  // namespace phynexus::fused
