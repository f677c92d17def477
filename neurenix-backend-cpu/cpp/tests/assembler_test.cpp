// Every instruction of the assembler beside the bytes that GNU as 2.40 makes of its text, with {evex} or for AVX2
// {vex3}, and {disp32} where the assembler has displacements of four bytes, {disp8} where of one.
#include <algorithm>

#include "../codegen/x86/assembler.h"
#include "plan_builder.h"

namespace engine_test {
namespace {

using namespace phynexus::x86;

std::string hexadecimal(const std::vector<uint8_t>& bytes) {
  std::string text;
  for (const uint8_t byte : bytes)
    for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
  return text;
}

void is(const char* text, const char* bytes, void (*write)(Assembler&),
        Extension extension = Extension::avx512) {
  Assembler a(extension);
  write(a);
  const std::string found = hexadecimal(a.bytes());
  CHECK(found == bytes, "%s: %s, not %s", text, found.c_str(), bytes);
}

void avx2_is(const char* text, const char* bytes, void (*write)(Assembler&)) {
  is(text, bytes, write, Extension::avx2);
}

// clang-format off
void general_instructions() {
  is("push rdi", "57", [](Assembler& a) { a.push(rdi); });
  is("pop rdi", "5f", [](Assembler& a) { a.pop(rdi); });
  is("push rbp", "55", [](Assembler& a) { a.push(rbp); });
  is("pop rbp", "5d", [](Assembler& a) { a.pop(rbp); });
  is("push r8", "4150", [](Assembler& a) { a.push(r8); });
  is("pop r8", "4158", [](Assembler& a) { a.pop(r8); });
  is("push r12", "4154", [](Assembler& a) { a.push(r12); });
  is("pop r12", "415c", [](Assembler& a) { a.pop(r12); });
  is("push r15", "4157", [](Assembler& a) { a.push(r15); });
  is("pop r15", "415f", [](Assembler& a) { a.pop(r15); });
  is("mov rax, rdx", "4889d0", [](Assembler& a) { a.mov(rax, rdx); });
  is("mov eax, edx", "89d0", [](Assembler& a) { a.mov32(rax, rdx); });
  is("add rax, rdx", "4801d0", [](Assembler& a) { a.add(rax, rdx); });
  is("sub rax, rdx", "4829d0", [](Assembler& a) { a.sub(rax, rdx); });
  is("sub eax, edx", "29d0", [](Assembler& a) { a.sub32(rax, rdx); });
  is("xor eax, edx", "31d0", [](Assembler& a) { a.xor32(rax, rdx); });
  is("cmp rax, rdx", "4839d0", [](Assembler& a) { a.cmp(rax, rdx); });
  is("mov rdx, rax", "4889c2", [](Assembler& a) { a.mov(rdx, rax); });
  is("mov edx, eax", "89c2", [](Assembler& a) { a.mov32(rdx, rax); });
  is("add rdx, rax", "4801c2", [](Assembler& a) { a.add(rdx, rax); });
  is("sub rdx, rax", "4829c2", [](Assembler& a) { a.sub(rdx, rax); });
  is("sub edx, eax", "29c2", [](Assembler& a) { a.sub32(rdx, rax); });
  is("xor edx, eax", "31c2", [](Assembler& a) { a.xor32(rdx, rax); });
  is("cmp rdx, rax", "4839c2", [](Assembler& a) { a.cmp(rdx, rax); });
  is("mov r10, rdi", "4989fa", [](Assembler& a) { a.mov(r10, rdi); });
  is("mov r10d, edi", "4189fa", [](Assembler& a) { a.mov32(r10, rdi); });
  is("add r10, rdi", "4901fa", [](Assembler& a) { a.add(r10, rdi); });
  is("sub r10, rdi", "4929fa", [](Assembler& a) { a.sub(r10, rdi); });
  is("sub r10d, edi", "4129fa", [](Assembler& a) { a.sub32(r10, rdi); });
  is("xor r10d, edi", "4131fa", [](Assembler& a) { a.xor32(r10, rdi); });
  is("cmp r10, rdi", "4939fa", [](Assembler& a) { a.cmp(r10, rdi); });
  is("mov rsi, r13", "4c89ee", [](Assembler& a) { a.mov(rsi, r13); });
  is("mov esi, r13d", "4489ee", [](Assembler& a) { a.mov32(rsi, r13); });
  is("add rsi, r13", "4c01ee", [](Assembler& a) { a.add(rsi, r13); });
  is("sub rsi, r13", "4c29ee", [](Assembler& a) { a.sub(rsi, r13); });
  is("sub esi, r13d", "4429ee", [](Assembler& a) { a.sub32(rsi, r13); });
  is("xor esi, r13d", "4431ee", [](Assembler& a) { a.xor32(rsi, r13); });
  is("cmp rsi, r13", "4c39ee", [](Assembler& a) { a.cmp(rsi, r13); });
  is("mov r8, r15", "4d89f8", [](Assembler& a) { a.mov(r8, r15); });
  is("mov r8d, r15d", "4589f8", [](Assembler& a) { a.mov32(r8, r15); });
  is("add r8, r15", "4d01f8", [](Assembler& a) { a.add(r8, r15); });
  is("sub r8, r15", "4d29f8", [](Assembler& a) { a.sub(r8, r15); });
  is("sub r8d, r15d", "4529f8", [](Assembler& a) { a.sub32(r8, r15); });
  is("xor r8d, r15d", "4531f8", [](Assembler& a) { a.xor32(r8, r15); });
  is("cmp r8, r15", "4d39f8", [](Assembler& a) { a.cmp(r8, r15); });
  is("mov eax, 1000", "b8e8030000", [](Assembler& a) { a.mov32(rax, 1000); });
  is("inc rax", "48ffc0", [](Assembler& a) { a.inc(rax); });
  is("dec eax", "ffc8", [](Assembler& a) { a.dec32(rax); });
  is("shl eax, cl", "d3e0", [](Assembler& a) { a.shl32_cl(rax); });
  is("add rax, 4096", "480500100000", [](Assembler& a) { a.add(rax, 4096); });
  is("mov ecx, 1000", "b9e8030000", [](Assembler& a) { a.mov32(rcx, 1000); });
  is("inc rcx", "48ffc1", [](Assembler& a) { a.inc(rcx); });
  is("dec ecx", "ffc9", [](Assembler& a) { a.dec32(rcx); });
  is("shl ecx, cl", "d3e1", [](Assembler& a) { a.shl32_cl(rcx); });
  is("add rcx, 4096", "4881c100100000", [](Assembler& a) { a.add(rcx, 4096); });
  is("mov edx, 1000", "bae8030000", [](Assembler& a) { a.mov32(rdx, 1000); });
  is("inc rdx", "48ffc2", [](Assembler& a) { a.inc(rdx); });
  is("dec edx", "ffca", [](Assembler& a) { a.dec32(rdx); });
  is("shl edx, cl", "d3e2", [](Assembler& a) { a.shl32_cl(rdx); });
  is("add rdx, 4096", "4881c200100000", [](Assembler& a) { a.add(rdx, 4096); });
  is("mov r8d, 1000", "41b8e8030000", [](Assembler& a) { a.mov32(r8, 1000); });
  is("inc r8", "49ffc0", [](Assembler& a) { a.inc(r8); });
  is("dec r8d", "41ffc8", [](Assembler& a) { a.dec32(r8); });
  is("shl r8d, cl", "41d3e0", [](Assembler& a) { a.shl32_cl(r8); });
  is("add r8, 4096", "4981c000100000", [](Assembler& a) { a.add(r8, 4096); });
  is("mov r13d, 1000", "41bde8030000", [](Assembler& a) { a.mov32(r13, 1000); });
  is("inc r13", "49ffc5", [](Assembler& a) { a.inc(r13); });
  is("dec r13d", "41ffcd", [](Assembler& a) { a.dec32(r13); });
  is("shl r13d, cl", "41d3e5", [](Assembler& a) { a.shl32_cl(r13); });
  is("add r13, 4096", "4981c500100000", [](Assembler& a) { a.add(r13, 4096); });
  is("mov rdx, [rdi+24]", "488b9718000000", [](Assembler& a) { a.load(rdx, rdi, 24); });
  is("movsxd rdx, dword ptr [rdi+24]", "48639718000000", [](Assembler& a) { a.movsxd(rdx, rdi, 24); });
  is("lea rdx, [rdi+24]", "488d9718000000", [](Assembler& a) { a.lea(rdx, rdi, 24); });
  is("prefetcht0 [rdi+24]", "0f188f18000000", [](Assembler& a) { a.prefetcht0(rdi, 24); });
  is("mov r11, [rsi+0]", "4c8b9e00000000", [](Assembler& a) { a.load(r11, rsi, 0); });
  is("movsxd r11, dword ptr [rsi+0]", "4c639e00000000", [](Assembler& a) { a.movsxd(r11, rsi, 0); });
  is("lea r11, [rsi+0]", "4c8d9e00000000", [](Assembler& a) { a.lea(r11, rsi, 0); });
  is("prefetcht0 [rsi+0]", "0f188e00000000", [](Assembler& a) { a.prefetcht0(rsi, 0); });
  is("mov rdi, [r12-8]", "498bbc24f8ffffff", [](Assembler& a) { a.load(rdi, r12, -8); });
  is("movsxd rdi, dword ptr [r12-8]", "4963bc24f8ffffff", [](Assembler& a) { a.movsxd(rdi, r12, -8); });
  is("lea rdi, [r12-8]", "498dbc24f8ffffff", [](Assembler& a) { a.lea(rdi, r12, -8); });
  is("prefetcht0 [r12-8]", "410f188c24f8ffffff", [](Assembler& a) { a.prefetcht0(r12, -8); });
  is("mov r14, [r13+70000]", "4d8bb570110100", [](Assembler& a) { a.load(r14, r13, 70000); });
  is("movsxd r14, dword ptr [r13+70000]", "4d63b570110100", [](Assembler& a) { a.movsxd(r14, r13, 70000); });
  is("lea r14, [r13+70000]", "4d8db570110100", [](Assembler& a) { a.lea(r14, r13, 70000); });
  is("prefetcht0 [r13+70000]", "410f188d70110100", [](Assembler& a) { a.prefetcht0(r13, 70000); });
  is("mov rbp, [rsp+16]", "488bac2410000000", [](Assembler& a) { a.load(rbp, rsp, 16); });
  is("movsxd rbp, dword ptr [rsp+16]", "4863ac2410000000", [](Assembler& a) { a.movsxd(rbp, rsp, 16); });
  is("lea rbp, [rsp+16]", "488dac2410000000", [](Assembler& a) { a.lea(rbp, rsp, 16); });
  is("prefetcht0 [rsp+16]", "0f188c2410000000", [](Assembler& a) { a.prefetcht0(rsp, 16); });
  is("mov rax, [rbp+8]", "488b8508000000", [](Assembler& a) { a.load(rax, rbp, 8); });
  is("movsxd rax, dword ptr [rbp+8]", "48638508000000", [](Assembler& a) { a.movsxd(rax, rbp, 8); });
  is("lea rax, [rbp+8]", "488d8508000000", [](Assembler& a) { a.lea(rax, rbp, 8); });
  is("prefetcht0 [rbp+8]", "0f188d08000000", [](Assembler& a) { a.prefetcht0(rbp, 8); });
  is("lea rdx, [rax+16]", "488d5010", [](Assembler& a) { a.lea_near(rdx, rax, 16); });
  is("lea r9, [r12-128]", "4d8d4c2480", [](Assembler& a) { a.lea_near(r9, r12, -128); });
  is("lea rcx, [r13+1]", "498d4d01", [](Assembler& a) { a.lea_near(rcx, r13, 1); });
  is("kmovw k1, edx", "c5f892ca", [](Assembler& a) { a.kmovw(1, rdx); });
  is("kmovw k2, eax", "c5f892d0", [](Assembler& a) { a.kmovw(2, rax); });
  is("kmovw k7, edi", "c5f892ff", [](Assembler& a) { a.kmovw(7, rdi); });
  is("vzeroupper", "c5f877", [](Assembler& a) { a.vzeroupper(); });
  is("ret", "c3", [](Assembler& a) { a.ret(); });
}

void vector_instructions() {
  is("vmovups zmm3, zmmword ptr [r8+64]", "62d17c48109840000000", [](Assembler& a) { a.vmovups(3, Address{.base = r8, .displacement = 64}); });
  is("vmovups zmm12{k1}{z}, zmmword ptr [rdi+rax*4+0]", "62717cc910a48700000000", [](Assembler& a) { a.vmovups(12, Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}, {.mask = 1, .zero = true}); });
  is("vmovups zmm25{k6}, zmmword ptr [r12+128]", "62417c4e108c2480000000", [](Assembler& a) { a.vmovups(25, Address{.base = r12, .displacement = 128}, {.mask = 6}); });
  is("vmovups zmm16, zmmword ptr [r13+rcx*4+8192]", "62c17c4810848d00200000", [](Assembler& a) { a.vmovups(16, Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}); });
  is("vmovups zmm3{k1}{z}, zmmword ptr [rsp-64]", "62f17cc9109c24c0ffffff", [](Assembler& a) { a.vmovups(3, Address{.base = rsp, .displacement = -64}, {.mask = 1, .zero = true}); });
  is("vmovups zmm12{k6}, zmmword ptr [r15+rsi*1+7]", "62517c4e10a43707000000", [](Assembler& a) { a.vmovups(12, Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}, {.mask = 6}); });
  is("vmovups zmm25, zmmword ptr [rbp+256]", "62617c48108d00010000", [](Assembler& a) { a.vmovups(25, Address{.base = rbp, .displacement = 256}); });
  is("vmovups zmmword ptr [r8+64]{k6}, zmm3", "62d17c4e119840000000", [](Assembler& a) { a.vmovups(Address{.base = r8, .displacement = 64}, 3, {.mask = 6}); });
  is("vmovups zmmword ptr [rdi+rax*4+0], zmm12", "62717c4811a48700000000", [](Assembler& a) { a.vmovups(Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}, 12); });
  is("vmovups zmmword ptr [r12+128]{k6}, zmm25", "62417c4e118c2480000000", [](Assembler& a) { a.vmovups(Address{.base = r12, .displacement = 128}, 25, {.mask = 6}); });
  is("vmovups zmmword ptr [r13+rcx*4+8192], zmm16", "62c17c4811848d00200000", [](Assembler& a) { a.vmovups(Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}, 16); });
  is("vmovups zmmword ptr [rsp-64]{k6}, zmm3", "62f17c4e119c24c0ffffff", [](Assembler& a) { a.vmovups(Address{.base = rsp, .displacement = -64}, 3, {.mask = 6}); });
  is("vmovups zmmword ptr [r15+rsi*1+7], zmm12", "62517c4811a43707000000", [](Assembler& a) { a.vmovups(Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}, 12); });
  is("vmovups zmmword ptr [rbp+256]{k6}, zmm25", "62617c4e118d00010000", [](Assembler& a) { a.vmovups(Address{.base = rbp, .displacement = 256}, 25, {.mask = 6}); });
  is("vmovups ymmword ptr [r8+64]{k6}, ymm3", "62d17c2e119840000000", [](Assembler& a) { a.vmovups_ymm(Address{.base = r8, .displacement = 64}, 3, {.mask = 6}); });
  is("vmovups ymmword ptr [rdi+rax*4+0], ymm12", "62717c2811a48700000000", [](Assembler& a) { a.vmovups_ymm(Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}, 12); });
  is("vmovups ymmword ptr [r12+128]{k6}, ymm25", "62417c2e118c2480000000", [](Assembler& a) { a.vmovups_ymm(Address{.base = r12, .displacement = 128}, 25, {.mask = 6}); });
  is("vmovups ymmword ptr [r13+rcx*4+8192], ymm16", "62c17c2811848d00200000", [](Assembler& a) { a.vmovups_ymm(Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}, 16); });
  is("vmovups ymmword ptr [rsp-64]{k6}, ymm3", "62f17c2e119c24c0ffffff", [](Assembler& a) { a.vmovups_ymm(Address{.base = rsp, .displacement = -64}, 3, {.mask = 6}); });
  is("vmovups ymmword ptr [r15+rsi*1+7], ymm12", "62517c2811a43707000000", [](Assembler& a) { a.vmovups_ymm(Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}, 12); });
  is("vmovups ymmword ptr [rbp+256]{k6}, ymm25", "62617c2e118d00010000", [](Assembler& a) { a.vmovups_ymm(Address{.base = rbp, .displacement = 256}, 25, {.mask = 6}); });
  is("vmovaps zmm0, zmm2", "62f17c4828c2", [](Assembler& a) { a.vmovaps(0, 2); });
  is("vmovaps zmm5{k1}{z}, zmm31", "62917cc928ef", [](Assembler& a) { a.vmovaps(5, 31, {.mask = 1, .zero = true}); });
  is("vmovaps zmm17{k6}, zmm8", "62c17c4e28c8", [](Assembler& a) { a.vmovaps(17, 8, {.mask = 6}); });
  is("vmovaps zmm31, zmm15", "62417c4828ff", [](Assembler& a) { a.vmovaps(31, 15); });
  is("vmovdqu8 xmm3, xmmword ptr [r8+64]", "62d17f086f9840000000", [](Assembler& a) { a.vmovdqu8_xmm(3, Address{.base = r8, .displacement = 64}); });
  is("vmovdqu8 xmm12{k1}{z}, xmmword ptr [rdi+rax*4+0]", "62717f896fa48700000000", [](Assembler& a) { a.vmovdqu8_xmm(12, Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}, {.mask = 1, .zero = true}); });
  is("vmovdqu8 xmm25{k6}, xmmword ptr [r12+128]", "62417f0e6f8c2480000000", [](Assembler& a) { a.vmovdqu8_xmm(25, Address{.base = r12, .displacement = 128}, {.mask = 6}); });
  is("vmovdqu8 xmm16, xmmword ptr [r13+rcx*4+8192]", "62c17f086f848d00200000", [](Assembler& a) { a.vmovdqu8_xmm(16, Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}); });
  is("vmovdqu8 xmm3{k1}{z}, xmmword ptr [rsp-64]", "62f17f896f9c24c0ffffff", [](Assembler& a) { a.vmovdqu8_xmm(3, Address{.base = rsp, .displacement = -64}, {.mask = 1, .zero = true}); });
  is("vmovdqu8 xmm12{k6}, xmmword ptr [r15+rsi*1+7]", "62517f0e6fa43707000000", [](Assembler& a) { a.vmovdqu8_xmm(12, Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}, {.mask = 6}); });
  is("vmovdqu8 xmm25, xmmword ptr [rbp+256]", "62617f086f8d00010000", [](Assembler& a) { a.vmovdqu8_xmm(25, Address{.base = rbp, .displacement = 256}); });
  is("vmovdqu8 xmmword ptr [r8+64]{k6}, xmm3", "62d17f0e7f9840000000", [](Assembler& a) { a.vmovdqu8_xmm(Address{.base = r8, .displacement = 64}, 3, {.mask = 6}); });
  is("vmovdqu8 xmmword ptr [rdi+rax*4+0], xmm12", "62717f087fa48700000000", [](Assembler& a) { a.vmovdqu8_xmm(Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}, 12); });
  is("vmovdqu8 xmmword ptr [r12+128]{k6}, xmm25", "62417f0e7f8c2480000000", [](Assembler& a) { a.vmovdqu8_xmm(Address{.base = r12, .displacement = 128}, 25, {.mask = 6}); });
  is("vmovdqu8 xmmword ptr [r13+rcx*4+8192], xmm16", "62c17f087f848d00200000", [](Assembler& a) { a.vmovdqu8_xmm(Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}, 16); });
  is("vmovdqu8 xmmword ptr [rsp-64]{k6}, xmm3", "62f17f0e7f9c24c0ffffff", [](Assembler& a) { a.vmovdqu8_xmm(Address{.base = rsp, .displacement = -64}, 3, {.mask = 6}); });
  is("vmovdqu8 xmmword ptr [r15+rsi*1+7], xmm12", "62517f087fa43707000000", [](Assembler& a) { a.vmovdqu8_xmm(Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}, 12); });
  is("vmovdqu8 xmmword ptr [rbp+256]{k6}, xmm25", "62617f0e7f8d00010000", [](Assembler& a) { a.vmovdqu8_xmm(Address{.base = rbp, .displacement = 256}, 25, {.mask = 6}); });
  is("vbroadcastss zmm3, dword ptr [r8+64]", "62d27d48189840000000", [](Assembler& a) { a.vbroadcastss(3, Address{.base = r8, .displacement = 64}); });
  is("vbroadcastss zmm12{k1}{z}, dword ptr [rdi+rax*4+0]", "62727dc918a48700000000", [](Assembler& a) { a.vbroadcastss(12, Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}, {.mask = 1, .zero = true}); });
  is("vbroadcastss zmm25{k6}, dword ptr [r12+128]", "62427d4e188c2480000000", [](Assembler& a) { a.vbroadcastss(25, Address{.base = r12, .displacement = 128}, {.mask = 6}); });
  is("vbroadcastss zmm16, dword ptr [r13+rcx*4+8192]", "62c27d4818848d00200000", [](Assembler& a) { a.vbroadcastss(16, Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}); });
  is("vbroadcastss zmm3{k1}{z}, dword ptr [rsp-64]", "62f27dc9189c24c0ffffff", [](Assembler& a) { a.vbroadcastss(3, Address{.base = rsp, .displacement = -64}, {.mask = 1, .zero = true}); });
  is("vbroadcastss zmm12{k6}, dword ptr [r15+rsi*1+7]", "62527d4e18a43707000000", [](Assembler& a) { a.vbroadcastss(12, Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}, {.mask = 6}); });
  is("vbroadcastss zmm25, dword ptr [rbp+256]", "62627d48188d00010000", [](Assembler& a) { a.vbroadcastss(25, Address{.base = rbp, .displacement = 256}); });
  is("vbroadcastf32x8 zmm3, ymmword ptr [r8+64]", "62d27d481b9840000000", [](Assembler& a) { a.vbroadcastf32x8(3, Address{.base = r8, .displacement = 64}); });
  is("vbroadcastf32x8 zmm12{k1}{z}, ymmword ptr [rdi+rax*4+0]", "62727dc91ba48700000000", [](Assembler& a) { a.vbroadcastf32x8(12, Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}, {.mask = 1, .zero = true}); });
  is("vbroadcastf32x8 zmm25{k6}, ymmword ptr [r12+128]", "62427d4e1b8c2480000000", [](Assembler& a) { a.vbroadcastf32x8(25, Address{.base = r12, .displacement = 128}, {.mask = 6}); });
  is("vbroadcastf32x8 zmm16, ymmword ptr [r13+rcx*4+8192]", "62c27d481b848d00200000", [](Assembler& a) { a.vbroadcastf32x8(16, Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}); });
  is("vbroadcastf32x8 zmm3{k1}{z}, ymmword ptr [rsp-64]", "62f27dc91b9c24c0ffffff", [](Assembler& a) { a.vbroadcastf32x8(3, Address{.base = rsp, .displacement = -64}, {.mask = 1, .zero = true}); });
  is("vbroadcastf32x8 zmm12{k6}, ymmword ptr [r15+rsi*1+7]", "62527d4e1ba43707000000", [](Assembler& a) { a.vbroadcastf32x8(12, Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}, {.mask = 6}); });
  is("vbroadcastf32x8 zmm25, ymmword ptr [rbp+256]", "62627d481b8d00010000", [](Assembler& a) { a.vbroadcastf32x8(25, Address{.base = rbp, .displacement = 256}); });
  is("vextractf32x8 ymm3, zmm4, 1", "62f37d481be301", [](Assembler& a) { a.vextractf32x8(3, 4, 1); });
  is("vextractf32x8 ymm20, zmm31, 0", "62237d481bfc00", [](Assembler& a) { a.vextractf32x8(20, 31, 0); });
  is("vextractf32x8 ymm9, zmm17, 1", "62c37d481bc901", [](Assembler& a) { a.vextractf32x8(9, 17, 1); });
  is("vptestmb k2, xmm3, xmm3", "62f2650826d3", [](Assembler& a) { a.vptestmb_xmm(2, 3, 3); });
  is("vptestmb k7, xmm30, xmm12", "62d20d0026fc", [](Assembler& a) { a.vptestmb_xmm(7, 30, 12); });
  is("vptestmb k4, xmm9, xmm25", "6292350826e1", [](Assembler& a) { a.vptestmb_xmm(4, 9, 25); });
  is("vcmpps k2, zmm1, zmm3, 0", "62f17448c2d300", [](Assembler& a) { a.vcmpps(2, 1, 3, Float::equal); });
  is("vcmpps k7{k6}, zmm31, zmm16, 3", "62b10446c2f803", [](Assembler& a) { a.vcmpps(7, 31, 16, Float::unordered, {.mask = 6}); });
  is("vcmpps k5, zmm12, zmm20, 4", "62b11c48c2ec04", [](Assembler& a) { a.vcmpps(5, 12, 20, Float::not_equal); });
  is("vcmpps k2{k6}, zmm1, zmm3, 7", "62f1744ec2d307", [](Assembler& a) { a.vcmpps(2, 1, 3, Float::ordered, {.mask = 6}); });
  is("vcmpps k7, zmm31, zmm16, 17", "62b10440c2f811", [](Assembler& a) { a.vcmpps(7, 31, 16, Float::less); });
  is("vcmpps k5{k6}, zmm12, zmm20, 18", "62b11c4ec2ec12", [](Assembler& a) { a.vcmpps(5, 12, 20, Float::less_equal, {.mask = 6}); });
  is("vcmpps k2, zmm1, zmm3, 29", "62f17448c2d31d", [](Assembler& a) { a.vcmpps(2, 1, 3, Float::greater_equal); });
  is("vcmpps k7{k6}, zmm31, zmm16, 30", "62b10446c2f81e", [](Assembler& a) { a.vcmpps(7, 31, 16, Float::greater, {.mask = 6}); });
  is("vcmpps k5, zmm12, zmm20, 22", "62b11c48c2ec16", [](Assembler& a) { a.vcmpps(5, 12, 20, Float::not_less_equal); });
  is("vcmpps k2{k6}, zmm1, zmm3, 26", "62f1744ec2d31a", [](Assembler& a) { a.vcmpps(2, 1, 3, Float::not_greater, {.mask = 6}); });
  is("vpcmpd k2, zmm1, zmm3, 0", "62f375481fd300", [](Assembler& a) { a.vpcmpd(2, 1, 3, Integer::equal); });
  is("vpcmpd k7, zmm31, zmm16, 1", "62b305401ff801", [](Assembler& a) { a.vpcmpd(7, 31, 16, Integer::less); });
  is("vpcmpd k5, zmm12, zmm20, 2", "62b31d481fec02", [](Assembler& a) { a.vpcmpd(5, 12, 20, Integer::less_equal); });
  is("vpcmpd k2, zmm1, zmm3, 4", "62f375481fd304", [](Assembler& a) { a.vpcmpd(2, 1, 3, Integer::not_equal); });
  is("vpcmpd k7, zmm31, zmm16, 5", "62b305401ff805", [](Assembler& a) { a.vpcmpd(7, 31, 16, Integer::greater_equal); });
  is("vpcmpd k5, zmm12, zmm20, 6", "62b31d481fec06", [](Assembler& a) { a.vpcmpd(5, 12, 20, Integer::greater); });
  is("vblendmps zmm0{k1}, zmm1, zmm2", "62f2754965c2", [](Assembler& a) { a.vblendmps(0, 1, 2, 1); });
  is("vblendmps zmm31{k7}, zmm16, zmm9", "62427d4765f9", [](Assembler& a) { a.vblendmps(31, 16, 9, 7); });
  is("vrndscaleps zmm1, zmm2, 8", "62f37d4808ca08", [](Assembler& a) { a.vrndscaleps(1, 2, Rounding::even); });
  is("vrndscaleps zmm1, zmm2, 9", "62f37d4808ca09", [](Assembler& a) { a.vrndscaleps(1, 2, Rounding::down); });
  is("vrndscaleps zmm30, zmm17, 8", "62237d4808f108", [](Assembler& a) { a.vrndscaleps(30, 17, Rounding::even); });
  is("vrndscaleps zmm30, zmm17, 9", "62237d4808f109", [](Assembler& a) { a.vrndscaleps(30, 17, Rounding::down); });
  is("vsqrtps zmm0, zmm2", "62f17c4851c2", [](Assembler& a) { a.vsqrtps(0, 2); });
  is("vsqrtps zmm5, zmm31", "62917c4851ef", [](Assembler& a) { a.vsqrtps(5, 31); });
  is("vsqrtps zmm17, zmm8", "62c17c4851c8", [](Assembler& a) { a.vsqrtps(17, 8); });
  is("vsqrtps zmm31, zmm15", "62417c4851ff", [](Assembler& a) { a.vsqrtps(31, 15); });
  is("vaddps zmm0, zmm1, zmm2", "62f1744858c2", [](Assembler& a) { a.vaddps(0, 1, 2); });
  is("vaddps zmm5, zmm9, zmm31", "6291344858ef", [](Assembler& a) { a.vaddps(5, 9, 31); });
  is("vaddps zmm17, zmm30, zmm8", "62c10c4058c8", [](Assembler& a) { a.vaddps(17, 30, 8); });
  is("vaddps zmm31, zmm16, zmm15", "62417c4058ff", [](Assembler& a) { a.vaddps(31, 16, 15); });
  is("vmulps zmm0, zmm1, zmm2", "62f1744859c2", [](Assembler& a) { a.vmulps(0, 1, 2); });
  is("vmulps zmm5, zmm9, zmm31", "6291344859ef", [](Assembler& a) { a.vmulps(5, 9, 31); });
  is("vmulps zmm17, zmm30, zmm8", "62c10c4059c8", [](Assembler& a) { a.vmulps(17, 30, 8); });
  is("vmulps zmm31, zmm16, zmm15", "62417c4059ff", [](Assembler& a) { a.vmulps(31, 16, 15); });
  is("vsubps zmm0, zmm1, zmm2", "62f174485cc2", [](Assembler& a) { a.vsubps(0, 1, 2); });
  is("vsubps zmm5, zmm9, zmm31", "629134485cef", [](Assembler& a) { a.vsubps(5, 9, 31); });
  is("vsubps zmm17, zmm30, zmm8", "62c10c405cc8", [](Assembler& a) { a.vsubps(17, 30, 8); });
  is("vsubps zmm31, zmm16, zmm15", "62417c405cff", [](Assembler& a) { a.vsubps(31, 16, 15); });
  is("vminps zmm0, zmm1, zmm2", "62f174485dc2", [](Assembler& a) { a.vminps(0, 1, 2); });
  is("vminps zmm5, zmm9, zmm31", "629134485def", [](Assembler& a) { a.vminps(5, 9, 31); });
  is("vminps zmm17, zmm30, zmm8", "62c10c405dc8", [](Assembler& a) { a.vminps(17, 30, 8); });
  is("vminps zmm31, zmm16, zmm15", "62417c405dff", [](Assembler& a) { a.vminps(31, 16, 15); });
  is("vdivps zmm0, zmm1, zmm2", "62f174485ec2", [](Assembler& a) { a.vdivps(0, 1, 2); });
  is("vdivps zmm5, zmm9, zmm31", "629134485eef", [](Assembler& a) { a.vdivps(5, 9, 31); });
  is("vdivps zmm17, zmm30, zmm8", "62c10c405ec8", [](Assembler& a) { a.vdivps(17, 30, 8); });
  is("vdivps zmm31, zmm16, zmm15", "62417c405eff", [](Assembler& a) { a.vdivps(31, 16, 15); });
  is("vmaxps zmm0, zmm1, zmm2", "62f174485fc2", [](Assembler& a) { a.vmaxps(0, 1, 2); });
  is("vmaxps zmm5, zmm9, zmm31", "629134485fef", [](Assembler& a) { a.vmaxps(5, 9, 31); });
  is("vmaxps zmm17, zmm30, zmm8", "62c10c405fc8", [](Assembler& a) { a.vmaxps(17, 30, 8); });
  is("vmaxps zmm31, zmm16, zmm15", "62417c405fff", [](Assembler& a) { a.vmaxps(31, 16, 15); });
  is("vpandd zmm0, zmm1, zmm2", "62f17548dbc2", [](Assembler& a) { a.vpandd(0, 1, 2); });
  is("vpandd zmm5, zmm9, zmm31", "62913548dbef", [](Assembler& a) { a.vpandd(5, 9, 31); });
  is("vpandd zmm17, zmm30, zmm8", "62c10d40dbc8", [](Assembler& a) { a.vpandd(17, 30, 8); });
  is("vpandd zmm31, zmm16, zmm15", "62417d40dbff", [](Assembler& a) { a.vpandd(31, 16, 15); });
  is("vpxord zmm0, zmm1, zmm2", "62f17548efc2", [](Assembler& a) { a.vpxord(0, 1, 2); });
  is("vpxord zmm5, zmm9, zmm31", "62913548efef", [](Assembler& a) { a.vpxord(5, 9, 31); });
  is("vpxord zmm17, zmm30, zmm8", "62c10d40efc8", [](Assembler& a) { a.vpxord(17, 30, 8); });
  is("vpxord zmm31, zmm16, zmm15", "62417d40efff", [](Assembler& a) { a.vpxord(31, 16, 15); });
  is("vfmadd231ps zmm0, zmm1, zmm2", "62f27548b8c2", [](Assembler& a) { a.vfmadd231ps(0, 1, 2); });
  is("vfmadd231ps zmm5, zmm9, zmm31", "62923548b8ef", [](Assembler& a) { a.vfmadd231ps(5, 9, 31); });
  is("vfmadd231ps zmm17, zmm30, zmm8", "62c20d40b8c8", [](Assembler& a) { a.vfmadd231ps(17, 30, 8); });
  is("vfmadd231ps zmm31, zmm16, zmm15", "62427d40b8ff", [](Assembler& a) { a.vfmadd231ps(31, 16, 15); });
  is("vfmsub231ps zmm0, zmm1, zmm2", "62f27548bac2", [](Assembler& a) { a.vfmsub231ps(0, 1, 2); });
  is("vfmsub231ps zmm5, zmm9, zmm31", "62923548baef", [](Assembler& a) { a.vfmsub231ps(5, 9, 31); });
  is("vfmsub231ps zmm17, zmm30, zmm8", "62c20d40bac8", [](Assembler& a) { a.vfmsub231ps(17, 30, 8); });
  is("vfmsub231ps zmm31, zmm16, zmm15", "62427d40baff", [](Assembler& a) { a.vfmsub231ps(31, 16, 15); });
  is("vfnmadd231ps zmm0, zmm1, zmm2", "62f27548bcc2", [](Assembler& a) { a.vfnmadd231ps(0, 1, 2); });
  is("vfnmadd231ps zmm5, zmm9, zmm31", "62923548bcef", [](Assembler& a) { a.vfnmadd231ps(5, 9, 31); });
  is("vfnmadd231ps zmm17, zmm30, zmm8", "62c20d40bcc8", [](Assembler& a) { a.vfnmadd231ps(17, 30, 8); });
  is("vfnmadd231ps zmm31, zmm16, zmm15", "62427d40bcff", [](Assembler& a) { a.vfnmadd231ps(31, 16, 15); });
  is("vaddps zmm3, zmm7, zmmword ptr [r8+64]", "62d14448589840000000", [](Assembler& a) { a.vaddps(3, 7, Address{.base = r8, .displacement = 64}); });
  is("vaddps zmm12, zmm7, zmmword ptr [rdi+rax*4+0]", "6271444858a48700000000", [](Assembler& a) { a.vaddps(12, 7, Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}); });
  is("vaddps zmm25, zmm7, zmmword ptr [r12+128]", "62414448588c2480000000", [](Assembler& a) { a.vaddps(25, 7, Address{.base = r12, .displacement = 128}); });
  is("vaddps zmm16, zmm7, zmmword ptr [r13+rcx*4+8192]", "62c1444858848d00200000", [](Assembler& a) { a.vaddps(16, 7, Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}); });
  is("vaddps zmm3, zmm7, zmmword ptr [rsp-64]", "62f14448589c24c0ffffff", [](Assembler& a) { a.vaddps(3, 7, Address{.base = rsp, .displacement = -64}); });
  is("vaddps zmm12, zmm7, zmmword ptr [r15+rsi*1+7]", "6251444858a43707000000", [](Assembler& a) { a.vaddps(12, 7, Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}); });
  is("vaddps zmm25, zmm7, zmmword ptr [rbp+256]", "62614448588d00010000", [](Assembler& a) { a.vaddps(25, 7, Address{.base = rbp, .displacement = 256}); });
  is("vpandd zmm3, zmm7, zmmword ptr [r8+64]", "62d14548db9840000000", [](Assembler& a) { a.vpandd(3, 7, Address{.base = r8, .displacement = 64}); });
  is("vpandd zmm12, zmm7, zmmword ptr [rdi+rax*4+0]", "62714548dba48700000000", [](Assembler& a) { a.vpandd(12, 7, Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}); });
  is("vpandd zmm25, zmm7, zmmword ptr [r12+128]", "62414548db8c2480000000", [](Assembler& a) { a.vpandd(25, 7, Address{.base = r12, .displacement = 128}); });
  is("vpandd zmm16, zmm7, zmmword ptr [r13+rcx*4+8192]", "62c14548db848d00200000", [](Assembler& a) { a.vpandd(16, 7, Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}); });
  is("vpandd zmm3, zmm7, zmmword ptr [rsp-64]", "62f14548db9c24c0ffffff", [](Assembler& a) { a.vpandd(3, 7, Address{.base = rsp, .displacement = -64}); });
  is("vpandd zmm12, zmm7, zmmword ptr [r15+rsi*1+7]", "62514548dba43707000000", [](Assembler& a) { a.vpandd(12, 7, Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}); });
  is("vpandd zmm25, zmm7, zmmword ptr [rbp+256]", "62614548db8d00010000", [](Assembler& a) { a.vpandd(25, 7, Address{.base = rbp, .displacement = 256}); });
  is("vpxord zmm3, zmm7, zmmword ptr [r8+64]", "62d14548ef9840000000", [](Assembler& a) { a.vpxord(3, 7, Address{.base = r8, .displacement = 64}); });
  is("vpxord zmm12, zmm7, zmmword ptr [rdi+rax*4+0]", "62714548efa48700000000", [](Assembler& a) { a.vpxord(12, 7, Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}); });
  is("vpxord zmm25, zmm7, zmmword ptr [r12+128]", "62414548ef8c2480000000", [](Assembler& a) { a.vpxord(25, 7, Address{.base = r12, .displacement = 128}); });
  is("vpxord zmm16, zmm7, zmmword ptr [r13+rcx*4+8192]", "62c14548ef848d00200000", [](Assembler& a) { a.vpxord(16, 7, Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}); });
  is("vpxord zmm3, zmm7, zmmword ptr [rsp-64]", "62f14548ef9c24c0ffffff", [](Assembler& a) { a.vpxord(3, 7, Address{.base = rsp, .displacement = -64}); });
  is("vpxord zmm12, zmm7, zmmword ptr [r15+rsi*1+7]", "62514548efa43707000000", [](Assembler& a) { a.vpxord(12, 7, Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}); });
  is("vpxord zmm25, zmm7, zmmword ptr [rbp+256]", "62614548ef8d00010000", [](Assembler& a) { a.vpxord(25, 7, Address{.base = rbp, .displacement = 256}); });
  is("vfmadd231ps zmm3, zmm7, zmmword ptr [r8+64]", "62d24548b89840000000", [](Assembler& a) { a.vfmadd231ps(3, 7, Address{.base = r8, .displacement = 64}); });
  is("vfmadd231ps zmm12, zmm7, zmmword ptr [rdi+rax*4+0]", "62724548b8a48700000000", [](Assembler& a) { a.vfmadd231ps(12, 7, Address{.base = rdi, .indexed = true, .index = rax, .scale = 2}); });
  is("vfmadd231ps zmm25, zmm7, zmmword ptr [r12+128]", "62424548b88c2480000000", [](Assembler& a) { a.vfmadd231ps(25, 7, Address{.base = r12, .displacement = 128}); });
  is("vfmadd231ps zmm16, zmm7, zmmword ptr [r13+rcx*4+8192]", "62c24548b8848d00200000", [](Assembler& a) { a.vfmadd231ps(16, 7, Address{.base = r13, .displacement = 8192, .indexed = true, .index = rcx, .scale = 2}); });
  is("vfmadd231ps zmm3, zmm7, zmmword ptr [rsp-64]", "62f24548b89c24c0ffffff", [](Assembler& a) { a.vfmadd231ps(3, 7, Address{.base = rsp, .displacement = -64}); });
  is("vfmadd231ps zmm12, zmm7, zmmword ptr [r15+rsi*1+7]", "62524548b8a43707000000", [](Assembler& a) { a.vfmadd231ps(12, 7, Address{.base = r15, .displacement = 7, .indexed = true, .index = rsi}); });
  is("vfmadd231ps zmm25, zmm7, zmmword ptr [rbp+256]", "62624548b88d00010000", [](Assembler& a) { a.vfmadd231ps(25, 7, Address{.base = rbp, .displacement = 256}); });
  is("vmovups zmm2, zmmword ptr [rsi+64]", "62f17c48105601", [](Assembler& a) { a.vmovups(2, Address{.base = rsi, .displacement = 64, .unit = 64}); });
  is("vmovups zmm2, zmmword ptr [rsi-8192]", "62f17c48105680", [](Assembler& a) { a.vmovups(2, Address{.base = rsi, .displacement = -8192, .unit = 64}); });
  is("vmovups zmm2, zmmword ptr [rsi+8128]", "62f17c4810567f", [](Assembler& a) { a.vmovups(2, Address{.base = rsi, .displacement = 8128, .unit = 64}); });
  is("vmovups zmm2, zmmword ptr [rsi+8192]", "62f17c48109600200000", [](Assembler& a) { a.vmovups(2, Address{.base = rsi, .displacement = 8192, .unit = 64}); });
  is("vmovups zmm2, zmmword ptr [rsi+100]", "62f17c48109664000000", [](Assembler& a) { a.vmovups(2, Address{.base = rsi, .displacement = 100, .unit = 64}); });
  is("vbroadcastss zmm2, dword ptr [r10+4]", "62d27d48185201", [](Assembler& a) { a.vbroadcastss(2, Address{.base = r10, .displacement = 4, .unit = 4}); });
  is("vfmadd231ps zmm2, zmm3, dword ptr [r10+4]{1to16}", "62d26558b85201", [](Assembler& a) { a.vfmadd231ps(2, 3, Address{.base = r10, .displacement = 4, .broadcast = true, .unit = 4}); });
  is("vbroadcastss zmm2, dword ptr [r10+508]", "62d27d4818527f", [](Assembler& a) { a.vbroadcastss(2, Address{.base = r10, .displacement = 508, .unit = 4}); });
  is("vfmadd231ps zmm2, zmm3, dword ptr [r10+508]{1to16}", "62d26558b8527f", [](Assembler& a) { a.vfmadd231ps(2, 3, Address{.base = r10, .displacement = 508, .broadcast = true, .unit = 4}); });
  is("vbroadcastss zmm2, dword ptr [r10+512]", "62d27d48189200020000", [](Assembler& a) { a.vbroadcastss(2, Address{.base = r10, .displacement = 512, .unit = 4}); });
  is("vfmadd231ps zmm2, zmm3, dword ptr [r10+512]{1to16}", "62d26558b89200020000", [](Assembler& a) { a.vfmadd231ps(2, 3, Address{.base = r10, .displacement = 512, .broadcast = true, .unit = 4}); });
  is("vbroadcastss zmm2, dword ptr [r10+2]", "62d27d48189202000000", [](Assembler& a) { a.vbroadcastss(2, Address{.base = r10, .displacement = 2, .unit = 4}); });
  is("vfmadd231ps zmm2, zmm3, dword ptr [r10+2]{1to16}", "62d26558b89202000000", [](Assembler& a) { a.vfmadd231ps(2, 3, Address{.base = r10, .displacement = 2, .broadcast = true, .unit = 4}); });
  is("vmovups ymmword ptr [rdx+32]{k1}, ymm9", "62717c29114a01", [](Assembler& a) { a.vmovups_ymm(Address{.base = rdx, .displacement = 32, .unit = 32}, 9, {.mask = 1}); });
  is("vbroadcastf32x8 zmm9, ymmword ptr [rdx+32]", "62727d481b4a01", [](Assembler& a) { a.vbroadcastf32x8(9, Address{.base = rdx, .displacement = 32, .unit = 32}); });
}

void avx2_instructions() {
  avx2_is("vmovups ymm3, ymmword ptr [r8+64]", "c4c17c105840", [](Assembler& a) { a.vmovups(3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vmovups ymm3, ymmword ptr [rbp+256]", "c4e17c109d00010000", [](Assembler& a) { a.vmovups(3, Address{.base = rbp, .displacement = 256}); });
  avx2_is("vmovups ymm3, ymmword ptr [r13+rax*4+32]", "c4c17c109c8520000000", [](Assembler& a) { a.vmovups(3, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vmovups ymm12, ymmword ptr [rdi]", "c4617c106700", [](Assembler& a) { a.vmovups(12, Address{.base = rdi}); });
  avx2_is("vmovups ymm12, ymmword ptr [rdx+rbp*1-8]", "c4617c10a42af8ffffff", [](Assembler& a) { a.vmovups(12, Address{.base = rdx, .displacement = -8, .indexed = true, .index = rbp}); });
  avx2_is("vmovups ymm12, ymmword ptr [r12+16]", "c4417c10a42410000000", [](Assembler& a) { a.vmovups(12, Address{.base = r12, .displacement = 16}); });
  avx2_is("vmovups ymmword ptr [r8+64], ymm3", "c4c17c115840", [](Assembler& a) { a.vmovups(Address{.base = r8, .displacement = 64}, 3); });
  avx2_is("vmovups ymmword ptr [rdx+rbp*1-8], ymm3", "c4e17c119c2af8ffffff", [](Assembler& a) { a.vmovups(Address{.base = rdx, .displacement = -8, .indexed = true, .index = rbp}, 3); });
  avx2_is("vmovups ymmword ptr [rbp+256], ymm14", "c4617c11b500010000", [](Assembler& a) { a.vmovups(Address{.base = rbp, .displacement = 256}, 14); });
  avx2_is("vmovups ymmword ptr [r13+rax*4+32], ymm14", "c4417c11b48520000000", [](Assembler& a) { a.vmovups(Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}, 14); });
  avx2_is("vmovaps ymm3, ymm14", "c4c17c28de", [](Assembler& a) { a.vmovaps(3, 14); });
  avx2_is("vmovaps ymm9, ymm2", "c4617c28ca", [](Assembler& a) { a.vmovaps(9, 2); });
  avx2_is("vbroadcastss ymm3, dword ptr [r8+64]", "c4c27d185840", [](Assembler& a) { a.vbroadcastss(3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vbroadcastss ymm12, dword ptr [r13+rax*4+32]", "c4427d18a48520000000", [](Assembler& a) { a.vbroadcastss(12, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vcmpps ymm3, ymm7, ymm12, 17", "c4c144c2dc11", [](Assembler& a) { a.vcmpps(3, 7, 12, Float::less); });
  avx2_is("vcmpps ymm14, ymm9, ymm2, 17", "c46134c2f211", [](Assembler& a) { a.vcmpps(14, 9, 2, Float::less); });
  avx2_is("vcmpps ymm3, ymm12, ymmword ptr [r8+64], 17", "c4c11cc2584011", [](Assembler& a) { a.vcmpps(3, 12, Address{.base = r8, .displacement = 64}, Float::less); });
  avx2_is("vcmpps ymm3, ymm12, ymmword ptr [r13+rax*4+32], 17", "c4c11cc29c852000000011", [](Assembler& a) { a.vcmpps(3, 12, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}, Float::less); });
  avx2_is("vroundps ymm3, ymm12, 9", "c4c37d08dc09", [](Assembler& a) { a.vrndscaleps(3, 12, Rounding::down); });
  avx2_is("vroundps ymm13, ymm2, 8", "c4637d08ea08", [](Assembler& a) { a.vrndscaleps(13, 2, Rounding::even); });
  avx2_is("vsqrtps ymm3, ymm12", "c4c17c51dc", [](Assembler& a) { a.vsqrtps(3, 12); });
  avx2_is("vsqrtps ymm13, ymm2", "c4617c51ea", [](Assembler& a) { a.vsqrtps(13, 2); });
  avx2_is("vaddps ymm3, ymm7, ymm12", "c4c14458dc", [](Assembler& a) { a.vaddps(3, 7, 12); });
  avx2_is("vaddps ymm14, ymm9, ymm2", "c4613458f2", [](Assembler& a) { a.vaddps(14, 9, 2); });
  avx2_is("vaddps ymm12, ymm3, ymmword ptr [r8+64]", "c44164586040", [](Assembler& a) { a.vaddps(12, 3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vaddps ymm12, ymm3, ymmword ptr [r13+rax*4+32]", "c4416458a48520000000", [](Assembler& a) { a.vaddps(12, 3, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vmulps ymm3, ymm7, ymm12", "c4c14459dc", [](Assembler& a) { a.vmulps(3, 7, 12); });
  avx2_is("vmulps ymm14, ymm9, ymm2", "c4613459f2", [](Assembler& a) { a.vmulps(14, 9, 2); });
  avx2_is("vsubps ymm3, ymm7, ymm12", "c4c1445cdc", [](Assembler& a) { a.vsubps(3, 7, 12); });
  avx2_is("vsubps ymm14, ymm9, ymm2", "c461345cf2", [](Assembler& a) { a.vsubps(14, 9, 2); });
  avx2_is("vsubps ymm12, ymm3, ymmword ptr [r8+64]", "c441645c6040", [](Assembler& a) { a.vsubps(12, 3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vsubps ymm12, ymm3, ymmword ptr [r13+rax*4+32]", "c441645ca48520000000", [](Assembler& a) { a.vsubps(12, 3, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vminps ymm3, ymm7, ymm12", "c4c1445ddc", [](Assembler& a) { a.vminps(3, 7, 12); });
  avx2_is("vminps ymm14, ymm9, ymm2", "c461345df2", [](Assembler& a) { a.vminps(14, 9, 2); });
  avx2_is("vdivps ymm3, ymm7, ymm12", "c4c1445edc", [](Assembler& a) { a.vdivps(3, 7, 12); });
  avx2_is("vdivps ymm14, ymm9, ymm2", "c461345ef2", [](Assembler& a) { a.vdivps(14, 9, 2); });
  avx2_is("vmaxps ymm3, ymm7, ymm12", "c4c1445fdc", [](Assembler& a) { a.vmaxps(3, 7, 12); });
  avx2_is("vmaxps ymm14, ymm9, ymm2", "c461345ff2", [](Assembler& a) { a.vmaxps(14, 9, 2); });
  avx2_is("vpand ymm3, ymm7, ymm12", "c4c145dbdc", [](Assembler& a) { a.vpandd(3, 7, 12); });
  avx2_is("vpand ymm14, ymm9, ymm2", "c46135dbf2", [](Assembler& a) { a.vpandd(14, 9, 2); });
  avx2_is("vpand ymm12, ymm3, ymmword ptr [r8+64]", "c44165db6040", [](Assembler& a) { a.vpandd(12, 3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vpand ymm12, ymm3, ymmword ptr [r13+rax*4+32]", "c44165dba48520000000", [](Assembler& a) { a.vpandd(12, 3, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vpxor ymm3, ymm7, ymm12", "c4c145efdc", [](Assembler& a) { a.vpxord(3, 7, 12); });
  avx2_is("vpxor ymm14, ymm9, ymm2", "c46135eff2", [](Assembler& a) { a.vpxord(14, 9, 2); });
  avx2_is("vpxor ymm12, ymm3, ymmword ptr [r8+64]", "c44165ef6040", [](Assembler& a) { a.vpxord(12, 3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vpxor ymm12, ymm3, ymmword ptr [r13+rax*4+32]", "c44165efa48520000000", [](Assembler& a) { a.vpxord(12, 3, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vpor ymm3, ymm7, ymm12", "c4c145ebdc", [](Assembler& a) { a.vpor(3, 7, 12); });
  avx2_is("vpor ymm14, ymm9, ymm2", "c46135ebf2", [](Assembler& a) { a.vpor(14, 9, 2); });
  avx2_is("vfmadd231ps ymm3, ymm7, ymm12", "c4c245b8dc", [](Assembler& a) { a.vfmadd231ps(3, 7, 12); });
  avx2_is("vfmadd231ps ymm14, ymm9, ymm2", "c46235b8f2", [](Assembler& a) { a.vfmadd231ps(14, 9, 2); });
  avx2_is("vfmadd231ps ymm12, ymm3, ymmword ptr [r8+64]", "c44265b86040", [](Assembler& a) { a.vfmadd231ps(12, 3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vfmadd231ps ymm12, ymm3, ymmword ptr [r13+rax*4+32]", "c44265b8a48520000000", [](Assembler& a) { a.vfmadd231ps(12, 3, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vfmsub231ps ymm3, ymm7, ymm12", "c4c245badc", [](Assembler& a) { a.vfmsub231ps(3, 7, 12); });
  avx2_is("vfmsub231ps ymm14, ymm9, ymm2", "c46235baf2", [](Assembler& a) { a.vfmsub231ps(14, 9, 2); });
  avx2_is("vfnmadd231ps ymm3, ymm7, ymm12", "c4c245bcdc", [](Assembler& a) { a.vfnmadd231ps(3, 7, 12); });
  avx2_is("vfnmadd231ps ymm14, ymm9, ymm2", "c46235bcf2", [](Assembler& a) { a.vfnmadd231ps(14, 9, 2); });
  avx2_is("vfnmadd231ps ymm12, ymm3, ymmword ptr [r8+64]", "c44265bc6040", [](Assembler& a) { a.vfnmadd231ps(12, 3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vfnmadd231ps ymm12, ymm3, ymmword ptr [r13+rax*4+32]", "c44265bca48520000000", [](Assembler& a) { a.vfnmadd231ps(12, 3, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vfmadd213ps ymm3, ymm7, ymm12", "c4c245a8dc", [](Assembler& a) { a.vfmadd213ps(3, 7, 12); });
  avx2_is("vfmadd213ps ymm14, ymm9, ymm2", "c46235a8f2", [](Assembler& a) { a.vfmadd213ps(14, 9, 2); });
  avx2_is("vfmadd213ps ymm12, ymm3, ymmword ptr [r8+64]", "c44265a86040", [](Assembler& a) { a.vfmadd213ps(12, 3, Address{.base = r8, .displacement = 64}); });
  avx2_is("vfmadd213ps ymm12, ymm3, ymmword ptr [r13+rax*4+32]", "c44265a8a48520000000", [](Assembler& a) { a.vfmadd213ps(12, 3, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vmaskmovps ymm3, ymm15, ymmword ptr [r8+64]", "c4c2052c5840", [](Assembler& a) { a.vmaskmovps(3, 15, Address{.base = r8, .displacement = 64}); });
  avx2_is("vmaskmovps ymm3, ymm15, ymmword ptr [r13+rax*4+32]", "c4c2052c9c8520000000", [](Assembler& a) { a.vmaskmovps(3, 15, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vmaskmovps ymmword ptr [rbp+256], ymm15, ymm3", "c4e2052e9d00010000", [](Assembler& a) { a.vmaskmovps(Address{.base = rbp, .displacement = 256}, 15, 3); });
  avx2_is("vmaskmovps ymmword ptr [rdx+rbp*1-8], ymm15, ymm3", "c4e2052e9c2af8ffffff", [](Assembler& a) { a.vmaskmovps(Address{.base = rdx, .displacement = -8, .indexed = true, .index = rbp}, 15, 3); });
  avx2_is("vblendvps ymm3, ymm4, ymm12, ymm14", "c4c35d4adce0", [](Assembler& a) { a.vblendvps(3, 4, 12, 14); });
  avx2_is("vblendvps ymm13, ymm12, ymm2, ymm5", "c4631d4aea50", [](Assembler& a) { a.vblendvps(13, 12, 2, 5); });
  avx2_is("vmovd xmm15, ecx", "c461796ef9", [](Assembler& a) { a.vmovd(15, rcx); });
  avx2_is("vmovd xmm3, r9d", "c4c1796ed9", [](Assembler& a) { a.vmovd(3, r9); });
  avx2_is("vpbroadcastd ymm15, xmm15", "c4427d58ff", [](Assembler& a) { a.vpbroadcastd(15, 15); });
  avx2_is("vpbroadcastd ymm3, xmm12", "c4c27d58dc", [](Assembler& a) { a.vpbroadcastd(3, 12); });
  avx2_is("vpcmpgtd ymm15, ymm15, ymmword ptr [r8+64]", "c44105667840", [](Assembler& a) { a.vpcmpgtd(15, 15, Address{.base = r8, .displacement = 64}); });
  avx2_is("vpcmpgtd ymm3, ymm12, ymmword ptr [r13+rax*4+32]", "c4c11d669c8520000000", [](Assembler& a) { a.vpcmpgtd(3, 12, Address{.base = r13, .displacement = 32, .indexed = true, .index = rax, .scale = 2}); });
  avx2_is("vpslld ymm3, ymm12, 23", "c4c16572f417", [](Assembler& a) { a.vpslld(3, 12, 23); });
  avx2_is("vpslld ymm13, ymm2, 4", "c4e11572f204", [](Assembler& a) { a.vpslld(13, 2, 4); });
}
// clang-format on

// Jumps both ways, and constants behind the code.
void whole_function() {
  is("a loop",
     "31c0488d50104839f20f872900000062f27d48180d3700000062f17558ef1531000000488d0d260000000f82d2ffffff4889d0e"
     "9caffffff0f84060000000f85f4ffffffc3cccccccccccccccccccccc0000803f00000080",
     [](Assembler& a) {
       a.xor32(rax, rax);
       const Assembler::Label loop = a.label();
       a.lea_near(rdx, rax, 16);
       a.cmp(rdx, rsi);
       const Assembler::Jump to_tail = a.jcc(Condition::above);
       const Constant one = a.constant(1.0f), sign = a.constant(0x80000000u);
       a.vbroadcastss(1, {.constant = one});
       a.vpxord(2, 1, Address{.broadcast = true, .constant = sign});
       a.lea(rcx, one);
       a.jcc(Condition::below, loop);
       a.mov(rax, rdx);
       a.jmp(loop);
       a.land(to_tail);
       const Assembler::Label tail = a.label();
       const Assembler::Jump to_end = a.jcc(Condition::equal);
       a.jcc(Condition::not_equal, tail);
       a.land(to_end);
       a.ret();
       a.finish();
     });
}

// Constants are whole vectors, each once; an instruction may go on behind the address of one.
void constants_of_avx2() {
  avx2_is("constants",
          "c4e16cc20d1600000011c4e174580d2d000000c4e1745c0d04000000c3cccccc"
          "0000803f0000803f0000803f0000803f0000803f0000803f0000803f0000803f"
          "0000004000000040000000400000004000000040000000400000004000000040",
          [](Assembler& a) {
            float ones[8], twos[8];
            std::fill(ones, ones + 8, 1.0f);
            std::fill(twos, twos + 8, 2.0f);
            const auto one = [&] { return Address{.constant = a.constant(ones, sizeof ones)}; };
            a.vcmpps(1, 2, one(), Float::less);
            a.vaddps(1, 1, Address{.constant = a.constant(twos, sizeof twos)});
            a.vsubps(1, 1, one());
            a.ret();
            a.finish();
          });
}

// Where displacements into registers in memory stand.
void moving_parts(Extension extension) {
  Assembler a(extension);
  a.vmovups(1, Address{.base = r8, .displacement = 96, .part = {.offset = 64}});
  a.add(r9, 256, {.offset = 256});
  a.vmovups(1, Address{.base = r8, .displacement = 192});
  const std::vector<PartUse>& uses = a.part_uses();
  CHECK(uses.size() == 2, "%zu uses", uses.size());
  const int32_t parts[] = {64, 256}, displacements[] = {96, 256};
  for (size_t i = 0; i < uses.size(); i++) {
    int32_t displacement;
    std::memcpy(&displacement, a.bytes().data() + uses[i].at, sizeof displacement);
    CHECK(uses[i].part == parts[i] && displacement == displacements[i], "part %d, %d", uses[i].part,
          displacement);
  }
}

}  // namespace

void test_assembler() {
  general_instructions();
  vector_instructions();
  avx2_instructions();
  whole_function();
  constants_of_avx2();
  for (const Extension extension : {Extension::avx512, Extension::avx2}) moving_parts(extension);
}

}  // namespace engine_test
