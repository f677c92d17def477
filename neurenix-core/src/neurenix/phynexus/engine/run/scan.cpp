// PHX_SCAN: runs a region for each iteration; each carry has two buffers, which the iterations write in turn.
#include <alloca.h>

#include <algorithm>

#include "../plan/instructions.h"
#include "lowering.h"

namespace phynexus {
namespace {

struct ScanStep final : Step {
  struct Carry {
    int64_t bytes = 0;
    int64_t turns[2] = {};
    Place first, last, saved;
    bool has_last = false, has_saved = false;
  };
  struct Slice {  // an x or a y: one step of the leading axis for each iteration
    Place place;
    int64_t stride = 0;
    int64_t unread = -1;  // >= 0: a y that nobody reads goes to this place in the workspace
  };
  const Region* region = nullptr;
  int64_t scratch = 0, length = 0;
  bool reverse = false;
  std::vector<Place> consts;
  std::vector<Carry> carries;
  std::vector<Slice> xs, ys;
  int64_t unread_bytes = 0;

  int64_t workspace_bytes(int threads) const override {
    return unread_bytes + region->workspace_bytes(threads);
  }
  int64_t worker_bytes(int threads) const override { return region->worker_bytes(threads); }

  void run(const Frame& frame) const override {
    const size_t inputs = consts.size() + carries.size() + xs.size(), outputs = carries.size() + ys.size();
    char** bases = static_cast<char**>(alloca((base_first_input + inputs + outputs) * sizeof(char*)));
    char** in = bases + base_first_input;
    char** carry_in = in + consts.size();
    char** x_in = carry_in + carries.size();
    char** carry_out = in + inputs;
    char** y_out = carry_out + carries.size();
    bases[base_scratch] = frame.bases[base_scratch] + scratch;
    bases[base_constants] = frame.bases[base_constants];
    for (size_t k = 0; k < consts.size(); k++) in[k] = consts[k].at(frame.bases);
    for (size_t k = 0; k < carries.size(); k++) carry_in[k] = carries[k].first.at(frame.bases);
    const Frame inner{bases, frame.workspace + unread_bytes, frame.context};

    for (int64_t i = 0; i < length; i++) {
      const int64_t at = reverse ? length - 1 - i : i, after = reverse ? at - 1 : at + 1;
      for (size_t k = 0; k < carries.size(); k++) {
        const Carry& carry = carries[k];
        if (i == 0 && carry.has_saved) {
          char* place = carry.saved.at(frame.bases) + at * carry.bytes;
          copy_bytes(frame, place, carry_in[k], carry.bytes);
        }
        carry_out[k] = frame.bases[base_scratch] + carry.turns[i % 2];
        // The last iteration writes the carry where it is wanted, unless it is still being read there.
        if (i + 1 == length) {
          if (carry.has_last && carry.last.at(frame.bases) != carry_in[k])
            carry_out[k] = carry.last.at(frame.bases);
        } else if (carry.has_saved) {
          carry_out[k] = carry.saved.at(frame.bases) + after * carry.bytes;
        }
      }
      for (size_t k = 0; k < xs.size(); k++) x_in[k] = xs[k].place.at(frame.bases) + at * xs[k].stride;
      for (size_t k = 0; k < ys.size(); k++)
        y_out[k] = ys[k].unread >= 0 ? frame.workspace + ys[k].unread
                                     : ys[k].place.at(frame.bases) + at * ys[k].stride;
      region->run(inner);
      for (size_t k = 0; k < carries.size(); k++) carry_in[k] = carry_out[k];
    }
    for (size_t k = 0; k < carries.size(); k++) {
      if (!carries[k].has_last) continue;
      char* last = carries[k].last.at(frame.bases);
      if (last != carry_in[k]) copy_bytes(frame, last, carry_in[k], carries[k].bytes);
    }
  }
};

}  // namespace

StepPointer lower_scan(PlanLowering& lowering, const phx_instruction& instruction) {
  const Plan& plan = lowering.plan;
  const Scan p = read_params<Scan>(plan, instruction);
  const int consts = int(p.consts), carries = int(p.carries.size()), xs = int(p.xs), ys = int(p.ys);
  auto step = std::make_unique<ScanStep>();
  step->region = &lowering.regions[size_t(instruction.region)];
  step->scratch = p.scratch;
  step->length = p.length;
  step->reverse = p.reverse;
  for (int k = 0; k < consts; k++) step->consts.push_back(lowering.place(plan.input(instruction, k)));
  for (int k = 0; k < carries; k++) {
    const phx_value& first = plan.input(instruction, consts + k);
    ScanStep::Carry carry;
    carry.bytes = element_count(first) * item_bytes(first.dtype);
    carry.turns[0] = p.carries[size_t(k)].even;
    carry.turns[1] = p.carries[size_t(k)].odd;
    carry.first = lowering.place(first);
    if (const phx_value* last = plan.operand(instruction, instruction.inputs + k)) {
      carry.has_last = true;
      carry.last = lowering.place(*last);
    }
    if (const phx_value* saved = plan.operand(instruction, instruction.inputs + carries + ys + k)) {
      carry.has_saved = true;
      carry.saved = lowering.place(*saved);
    }
    step->carries.push_back(carry);
  }
  const auto slice = [&](const phx_value& value) {
    return ScanStep::Slice{lowering.place(value), value.strides[0] * item_bytes(value.dtype)};
  };
  for (int k = 0; k < xs; k++) step->xs.push_back(slice(plan.input(instruction, consts + carries + k)));
  for (int k = 0; k < ys; k++) {
    if (const phx_value* y = plan.operand(instruction, instruction.inputs + carries + k)) {
      step->ys.push_back(slice(*y));
      continue;
    }
    const Extent need = plan.needs[size_t(instruction.region)].outputs[size_t(carries + k)];
    step->ys.push_back({{}, 0, step->unread_bytes + round_up(-std::min<int64_t>(need.low, 0))});
    step->unread_bytes +=
        round_up(-std::min<int64_t>(need.low, 0)) + round_up(std::max<int64_t>(need.high, 0));
  }
  return step;
}

}  // namespace phynexus
