#include "code.h"

#include <algorithm>

#include "writer.h"

namespace phynexus {
namespace {

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

// The ops of one element for the whole block, which depend on nothing else and so come first, and the rest.
struct Parted {
  std::vector<FusedOp> single, rest;
  std::vector<PlacedOp> described;  // of the rest
  std::vector<Source> touched;      // by what is left to kernels

  Parted(const std::vector<FusedOp>& ops, const std::vector<PlacedOp>& placed) {
    for (size_t i = 0; i < ops.size(); i++) {
      if (placed[i].known && placed[i].single) {
        single.push_back(ops[i]);
        touch(placed[i]);
      } else {
        rest.push_back(ops[i]);
        described.push_back(placed[i]);
      }
    }
  }
  void touch(const PlacedOp& op) {
    touched.push_back(op.out);
    touched.insert(touched.end(), op.arguments, op.arguments + op.arity);
  }
  void touch(const std::vector<Source>& more) { touched.insert(touched.end(), more.begin(), more.end()); }
};

FusedOp coded(const void* code) {
  FusedOp op;
  op.code = reinterpret_cast<FusedCode>(const_cast<void*>(code));
  return op;
}

}  // namespace

std::vector<Source> write_code(std::vector<FusedOp>& ops, const std::vector<PlacedOp>& placed,
                               const std::vector<Source>& read_after, CodeMemory* memory) {
  Parted parted(ops, placed);
  const std::vector<PlacedOp>& described = parted.described;
  const Flow flow(described, read_after);
  // As long a run from `begin` as the registers allow; false where there is none.
  const auto code_from = [&](size_t begin, size_t& end, FusedOp& op) {
    for (end = begin; end < described.size() && can_write(described[end]);) end++;
    for (; end > begin; end--) {
      Writer writer(described, flow, begin, end);
      if (!writer.write()) continue;
      parted.touch(writer.touched());
      op = coded(memory ? memory->add(writer.bytes()) : nullptr);
      return op.code || !memory;
    }
    return false;
  };
  std::vector<FusedOp> result = parted.single;
  for (size_t i = 0, end = 0; i < described.size();) {
    if (FusedOp op; code_from(i, end, op)) {
      result.push_back(op);
      i = end;
    } else {
      result.push_back(parted.rest[i]);
      parted.touch(described[i++]);
    }
  }
  if (memory) ops = std::move(result);
  return parted.touched;
}

bool write_rows(std::vector<FusedOp>& ops, const std::vector<PlacedOp>& placed, int64_t columns,
                const RowResults& results, const std::vector<RowWalk>& walks,
                const std::vector<Source>& read_after, CodeMemory* memory, std::vector<Source>& touched) {
  Parted parted(ops, placed);
  const size_t count = parted.described.size();
  for (const PlacedOp& op : parted.described)
    if (!can_write(op)) return false;
  const Flow flow(parted.described, read_after);
  const int all = int((columns + 15) / 16);
  for (int vectors = std::min(all, 4); vectors > 0; vectors--) {
    Writer writer(parted.described, flow, 0, count);
    if (!writer.write_rows(columns, vectors, results, walks)) continue;
    parted.touch(writer.touched());
    touched = parted.touched;
    if (!memory) return true;
    const FusedOp op = coded(memory->add(writer.bytes()));
    if (!op.code) return false;
    ops = parted.single;
    ops.push_back(op);
    return true;
  }
  return false;
}

}  // namespace phynexus
