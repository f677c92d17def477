// A loop over elements, a vector at a time; the last ones behind a mask.
#include "body.h"

namespace phynexus::fused {

using namespace x86;

std::optional<Code> write_elements(const Run& run) {
  Body body(run, Rows{}, {});
  if (!body.enter()) return {};
  Assembler& a = body.a;
  const int first_vector = body.hoisted_registers(), lanes = lanes_of(run.extension);
  a.xor32(rax, rax);
  const Assembler::Label loop = a.label();
  a.lea_near(rdx, rax, int8_t(lanes));
  a.cmp(rdx, rsi);
  const Assembler::Jump to_tail = a.jcc(Condition::above);
  body.go_to(0, false);
  body.write(first_vector);
  if (body.pointers().list_stays) a.add(rax, lanes);  // rdx is lost
  else a.mov(rax, rdx);
  a.jmp(loop);
  a.land(to_tail);
  a.mov32(rcx, rsi);
  a.sub32(rcx, rax);
  const Assembler::Jump to_end = a.jcc(Condition::equal);
  set_tail_mask(a);
  body.go_to(0, true);
  body.write(first_vector);
  a.land(to_end);
  body.leave();
  return body.finish();
}

}  // namespace phynexus::fused
