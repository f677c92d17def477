// Checks that no view leaves its memory. The bytes that a region touches behind each of its inputs and outputs are
// computed once; every caller must then have them at the place that it passes.
#include <utility>

#include "../failure.h"
#include "instructions.h"

namespace phynexus {
namespace {

Extent shifted(Extent extent, int64_t by) {
  if (extent.empty()) return extent;
  return {plus(extent.low, by), plus(extent.high, by), extent.alignment};
}

class Bounds {
 public:
  explicit Bounds(const Plan& plan) : plan_(plan) {}

  std::vector<Needs> check() {
    for (size_t r = 0; r < plan_.regions.size(); r++) {
      region_ = &plan_.regions[r];
      needs_.push_back(
          {std::vector<Extent>(size_t(region_->inputs)), std::vector<Extent>(size_t(region_->outputs))});
      for (int32_t i = 0; i < region_->instructions; i++) {
        index_ = region_->first_instruction + i;
        visit(plan_.instructions[size_t(index_)]);
      }
    }
    const Needs& whole = needs_.back();
    for (size_t k = 0; k < whole.inputs.size(); k++)
      within(whole.inputs[k], plan_.input_bytes[k], "input", k);
    for (size_t k = 0; k < whole.outputs.size(); k++)
      within(whole.outputs[k], plan_.output_bytes[k], "output", k);
    return std::move(needs_);
  }

 private:
  void within(Extent extent, int64_t bytes, const char* what, size_t k) {
    if (!extent.empty() && (extent.low < 0 || extent.high > bytes))
      refuse(format("the plan touches bytes %lld to %lld of %s %zu, which has %lld", (long long)extent.low,
                    (long long)extent.high, what, k, (long long)bytes));
  }

  // Bytes `extent`, counted from the base of the value's space.
  void touch(const phx_value& value, Extent extent, bool writes) {
    if (extent.empty()) return;
    int64_t most = 0;
    switch (value.space) {
      case PHX_INPUT:
      case PHX_OUTPUT: {
        auto& list = value.space == PHX_INPUT ? needs_.back().inputs : needs_.back().outputs;
        if (value.index < 0 || value.index >= int32_t(list.size()))
          refuse(format("instruction %d: its region has %zu %ss, no number %d", index_, list.size(),
                        value.space == PHX_INPUT ? "input" : "output", value.index));
        list[size_t(value.index)].cover(extent);
        return;
      }
      case PHX_CONSTANTS:
        if (writes) refuse(format("instruction %d writes to a constant", index_));
        most = plan_.constant_bytes;
        break;
      default: most = region_->scratch_bytes;
    }
    if (extent.low < 0 || extent.high > most)
      refuse(format("instruction %d touches bytes %lld to %lld of the %s, which has %lld", index_,
                    (long long)extent.low, (long long)extent.high,
                    value.space == PHX_CONSTANTS ? "constants" : "scratch", (long long)most));
  }

  void in_scratch(int64_t offset, int64_t bytes) {
    phx_value scratch{};
    touch(scratch, {offset, plus(offset, bytes)}, true);
    if (offset < 0 || offset % PHX_ALIGNMENT)
      refuse(format("instruction %d: a scratch offset is not aligned", index_));
  }

  // A region may read its input as another dtype than its caller says: then addresses must suit that one.
  void aligned(int64_t bytes, Extent need) {
    if (!need.empty() && bytes % need.alignment)
      refuse(format("instruction %d passes memory that its region needs aligned to %lld bytes", index_,
                    (long long)need.alignment));
  }

  // The bytes that the callee touches behind the value that it gets, repeated along the leading axis where it is
  // mapped.
  void pass(const phx_value* value, Extent need, bool writes, int64_t repeats, bool mapped) {
    if (!value || need.empty() || repeats == 0) return;
    const int64_t step = mapped ? times(value->strides[0], item_bytes(value->dtype)) : 0;
    aligned(value->offset, need);
    aligned(step, need);
    const Extent first = shifted(need, value->offset);
    Extent all = first;
    all.cover(shifted(first, times(step, repeats - 1)));
    touch(*value, all, writes);
  }

  void visit(const phx_instruction& instruction) {
    for (int32_t k = 0; k < instruction.inputs + instruction.outputs; k++)
      if (const phx_value* value = plan_.operand(instruction, k))
        touch(*value, extent_of(*value), k >= instruction.inputs);
    if (instruction.region < 0) return;
    const phx_region& body = plan_.regions[size_t(instruction.region)];
    const Needs& needs = needs_[size_t(instruction.region)];
    if (instruction.opcode == PHX_CALL) call(instruction, body, needs);
    else if (instruction.opcode == PHX_MAP) map(instruction, body, needs);
    else scan(instruction, body, needs);
  }

  void call(const phx_instruction& instruction, const phx_region& body, const Needs& needs) {
    in_scratch(read_params<Call>(plan_, instruction).scratch, body.scratch_bytes);
    for (int32_t k = 0; k < body.inputs; k++)
      pass(plan_.operand(instruction, k), needs.inputs[size_t(k)], false, 1, false);
    for (int32_t k = 0; k < body.outputs; k++)
      pass(plan_.operand(instruction, instruction.inputs + k), needs.outputs[size_t(k)], true, 1, false);
  }

  void map(const phx_instruction& instruction, const phx_region& body, const Needs& needs) {
    const Map p = read_params<Map>(plan_, instruction);
    for (int32_t k = 0; k < body.inputs; k++)
      pass(plan_.operand(instruction, k), needs.inputs[size_t(k)], false, p.iterations, p.mapped[size_t(k)]);
    for (int32_t k = 0; k < body.outputs; k++) {
      const phx_value* value = plan_.operand(instruction, instruction.inputs + k);
      if (!value) continue;
      if (!p.summed[size_t(k)]) {
        pass(value, needs.outputs[size_t(k)], true, p.iterations, true);
        continue;
      }
      // Each term has room for the value's own bytes and no more.
      aligned(item_bytes(value->dtype), needs.outputs[size_t(k)]);
      const Extent room = shifted(extent_of(*value), -value->offset), need = needs.outputs[size_t(k)];
      if (!need.empty() && (need.low < room.low || need.high > room.high))
        refuse(format("instruction %d: the map's body writes beyond its summed output %d", index_, k));
    }
  }

  void scan(const phx_instruction& instruction, const phx_region& body, const Needs& needs) {
    const Scan p = read_params<Scan>(plan_, instruction);
    const int64_t carries = int64_t(p.carries.size());
    in_scratch(p.scratch, body.scratch_bytes);
    for (int64_t k = 0; k < p.consts; k++)
      pass(plan_.operand(instruction, k), needs.inputs[size_t(k)], false, p.length ? 1 : 0, false);
    for (int64_t k = 0; k < carries; k++) {
      const phx_value& first = plan_.input(instruction, p.consts + k);
      const int64_t bytes = times(element_count(first), item_bytes(first.dtype));
      const Extent read = needs.inputs[size_t(p.consts + k)], written = needs.outputs[size_t(k)];
      if ((!read.empty() && (read.low < 0 || read.high > bytes)) ||
          (!written.empty() && (written.low < 0 || written.high > bytes)))
        refuse(format("instruction %d: the scan's body goes beyond carry %lld", index_, (long long)k));
      aligned(item_bytes(first.dtype), read);
      aligned(item_bytes(first.dtype), written);
      aligned(first.offset, read);
      in_scratch(p.carries[size_t(k)].even, bytes);
      in_scratch(p.carries[size_t(k)].odd, bytes);
    }
    for (int64_t k = 0; k < p.xs; k++)
      pass(plan_.operand(instruction, p.consts + carries + k), needs.inputs[size_t(p.consts + carries + k)],
           false, p.length, true);
    for (int64_t k = 0; k < p.ys; k++) {
      const phx_value* value = plan_.operand(instruction, instruction.inputs + carries + k);
      pass(value, needs.outputs[size_t(carries + k)], true, p.length, true);
    }
  }

  const Plan& plan_;
  std::vector<Needs> needs_;
  const phx_region* region_ = nullptr;
  int32_t index_ = 0;
};

}  // namespace

std::vector<Needs> validate_bounds(const Plan& plan) { return Bounds(plan).check(); }

bool may_share_memory(const phx_value& a, const phx_value& b, bool region_apart) {
  if (a.space == PHX_CONSTANTS || b.space == PHX_CONSTANTS) return false;
  if (a.space == b.space && a.index == b.index) {
    const Extent x = extent_of(a), y = extent_of(b);
    return x.low < y.high && y.low < x.high;
  }
  // The operands of a caller lie outside the scratch of the region's own frame, and its outputs apart from each other.
  if (a.space == PHX_SCRATCH || b.space == PHX_SCRATCH) return false;
  return a.space != b.space && !region_apart;
}

// A caller of the whole program may have state replaced in place; a region, only where one that runs it does that.
std::vector<bool> outputs_apart(const Plan& plan) {
  std::vector<bool> apart(plan.regions.size(), true);
  apart.back() = false;
  for (size_t r = plan.regions.size(); r-- > 0;) {
    const phx_region& region = plan.regions[r];
    for (int32_t i = 0; i < region.instructions; i++) {
      const phx_instruction& instruction = plan.instructions[size_t(region.first_instruction + i)];
      if (instruction.region < 0 || size_t(instruction.region) >= r) continue;
      for (int32_t in = 0; in < instruction.inputs; in++)
        for (int32_t out = 0; out < instruction.outputs; out++) {
          const phx_value *a = plan.operand(instruction, in),
                          *b = plan.operand(instruction, instruction.inputs + out);
          if (a && b && may_share_memory(*a, *b, apart[r])) apart[size_t(instruction.region)] = false;
        }
    }
  }
  return apart;
}

}  // namespace phynexus
