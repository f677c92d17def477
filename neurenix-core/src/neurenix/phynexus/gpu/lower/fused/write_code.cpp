// Writes the byte code of a chain: where values are kept between operations, loads at their first use, stores early.
#include <algorithm>

#include "../../../engine/failure.h"
#include "codes.h"

namespace phynexus::gpu {
namespace {

constexpr int32_t never = -1;

struct NoSlot {
  int32_t operation;  // there is none for what it needs or gives
};

class Writer {
 public:
  Writer(const Chain& chain, std::vector<Chain::Operand>& operands)
      : chain_(chain),
        operands_(operands),
        inputs_(int32_t(chain.inputs.size())),
        slots_(inputs_ + chain.operations.size(), slot_none),
        last_use_(slots_.size(), never) {
    operands_ = chain.inputs;
    for (size_t i = 0; i < chain.operations.size(); i++)
      each_operand(chain.operations[i], [&](int32_t v) { last_use_[size_t(v)] = int32_t(i); });
    loads_end_ = last_use_;
    for (const Chain::Output& output : chain.outputs)
      if (output.value < inputs_) loads_end_[size_t(output.value)] = int32_t(chain.operations.size());
  }

  std::vector<Code> before, body, after;
  void write(bool run_is_kept, int lanes_log2);

 private:
  struct Sum {
    const Chain::Output* output;
    int slot;
  };

  template <class F>
  static void each_operand(const Chain::Operation& x, const F& f) {
    for (const int32_t v : {x.a, x.b, x.c})
      if (v >= 0) f(v);
  }
  int take_slot() {
    for (int s = 0; s < max_slots; s++)
      if (!taken_[s]) return taken_[s] = true, s;
    throw NoSlot{now_};
  }
  int take_pair() {
    for (int s = 0; s + 1 < max_slots; s++)
      if (!taken_[s] && !taken_[s + 1]) return taken_[s] = taken_[s + 1] = true, s;
    throw NoSlot{now_};
  }
  void load(int32_t value, int to);
  int place(int32_t value, int32_t operation, bool accumulator_is_free);
  void operation(int32_t index);
  void begin_sum(const Chain::Output& output);
  void output_ready(size_t k);
  void ready_outputs(int32_t operation);
  void store(const Chain::Operand& to, int a, std::vector<Code>& code);
  bool may_store(const Chain::Output& output, int32_t operation) const;
  void finish(const Sum& sum, bool run_is_kept, int lanes_log2);
  void join(const Sum& sum, const Code& moved);

  const Chain& chain_;
  std::vector<Chain::Operand>& operands_;
  const int32_t inputs_;
  std::vector<int> slots_;          // of each value
  std::vector<int32_t> last_use_;   // the last operation that reads it
  std::vector<int32_t> loads_end_;  // the last operation, or one beyond, before which an input may be loaded
  std::vector<size_t> waiting_;     // outputs that are not stored yet
  std::vector<int> sum_slots_;      // of reduced outputs
  bool taken_[max_slots] = {};
  int32_t in_accumulator_ = never;
  int32_t now_ = 0;  // the operation that is written
};

void Writer::load(int32_t value, int to) {
  Code code;
  code.code = uint16_t(load_code(chain_.inputs[size_t(value)].storage));
  code.c = uint8_t(value);
  code.to = uint8_t(to);
  if (to != slot_none) code.flags = flag_keep;
  else in_accumulator_ = value;
  body.push_back(code);
}

// Where an operation finds a value; an input is loaded now if it has not been.
int Writer::place(int32_t value, int32_t operation, bool accumulator_is_free) {
  if (in_accumulator_ == value) return slot_accumulator;
  int& slot = slots_[size_t(value)];
  if (slot != slot_none) return slot;
  require(value < inputs_, "a chain lost a value");
  const bool again = last_use_[size_t(value)] > operation;
  if (!again && accumulator_is_free) return load(value, slot_none), int(slot_accumulator);
  slot = take_slot();
  load(value, slot);
  return slot;
}

void Writer::operation(int32_t index) {
  const Chain::Operation& x = chain_.operations[size_t(index)];
  const int32_t value = inputs_ + index;
  const int32_t from = chain_.dtype_of(x.opcode == PHX_WHERE ? x.b : x.a);
  Code code = code_of_operation(x, from);
  // The accumulator may be loaded by one operand, where none of the others is there already.
  bool accumulator_is_free = true;
  each_operand(x, [&](int32_t v) { accumulator_is_free &= in_accumulator_ != v; });
  code.a = uint8_t(place(x.a, index, accumulator_is_free));
  accumulator_is_free &= code.a != slot_accumulator;
  if (x.b >= 0) code.b = uint8_t(place(x.b, index, accumulator_is_free));
  accumulator_is_free &= code.b != slot_accumulator;
  if (x.c >= 0) code.c = uint8_t(place(x.c, index, accumulator_is_free));
  if (x.opcode == PHX_INTEGER_POW && x.immediate == 2) code.b = code.a;
  each_operand(x, [&](int32_t v) {
    int& slot = slots_[size_t(v)];
    if (last_use_[size_t(v)] > index || slot == slot_none) return;
    if (std::any_of(waiting_.begin(), waiting_.end(), [&](size_t k) { return chain_.outputs[k].value == v; }))
      return;
    taken_[slot] = false;
    slot = slot_none;
  });
  const bool only_next = last_use_[size_t(value)] <= index + 1;
  const bool waits = std::any_of(chain_.outputs.begin(), chain_.outputs.end(), [&](const Chain::Output& o) {
    return o.place == value || (o.value == value && (o.place >= 0 || (!o.reduction && !may_store(o, index))));
  });
  if (!only_next || waits) slots_[size_t(value)] = take_slot();
  code.to = uint8_t(slots_[size_t(value)]);
  body.push_back(code);
  if (x.opcode == PHX_BITCAST && (x.dtype == PHX_FLOAT16 || x.dtype == PHX_BFLOAT16) && x.dtype != from) {
    Code back = code;  // the other half's bits become its value
    back.code = x.dtype == PHX_FLOAT16 ? code_float_of_float16_bits : code_float_of_bfloat16_bits;
    back.a = slot_accumulator;
    body.push_back(back);
  }
  in_accumulator_ = value;
}

// Whether no later operation loads what lies where the output goes.
bool Writer::may_store(const Chain::Output& output, int32_t operation) const {
  if (!output.to.value) return true;
  for (int32_t k = 0; k < inputs_; k++) {
    const phx_value* input = chain_.inputs[size_t(k)].value;
    if (loads_end_[size_t(k)] > operation && input && may_share_memory(*input, *output.to.value, false))
      return false;
  }
  return true;
}

void Writer::store(const Chain::Operand& to, int a, std::vector<Code>& code) {
  Code x;
  x.code = uint16_t(store_code(to.storage));
  x.a = uint8_t(a);
  require(operands_.size() < 255, "a fused instruction has too many operands");
  x.c = uint8_t(operands_.size());
  operands_.push_back(to);
  code.push_back(x);
}

void Writer::output_ready(size_t k) {
  const Chain::Output& output = chain_.outputs[k];
  const int32_t now = int32_t(chain_.operations.size());
  const int a = place(output.value, now, in_accumulator_ == never);
  if (!output.reduction) return store(output.to, a, body);
  const int slot = sum_slots_[k];
  Code code;
  code.code = uint16_t(accumulate_code(output.reduction, chain_.dtype_of(output.value)));
  code.to = uint8_t(slot);
  code.flags = flag_keep | flag_present;
  if (output.reduction == PHX_ARGMAX) {
    code.a = uint8_t(a);
    code.b = uint8_t(place(output.place, now, a != slot_accumulator && in_accumulator_ == never));
  } else {
    code.a = uint8_t(slot);
    code.b = uint8_t(a);
  }
  body.push_back(code);
}

// What can be stored or reduced once an operation (-1: none yet) is done.
void Writer::ready_outputs(int32_t operation) {
  const bool last = operation + 1 == int32_t(chain_.operations.size());
  const int32_t value = inputs_ + operation;
  for (size_t k = 0; k < chain_.outputs.size(); k++) {
    const Chain::Output& output = chain_.outputs[k];
    if (output.value == value && operation >= 0) {
      if (output.place < 0 && (output.reduction || may_store(output, operation))) output_ready(k);
      else waiting_.push_back(k);
    } else if (output.value < inputs_ && operation < 0) {
      waiting_.push_back(k);  // of inputs: at the end
    }
  }
  if (!last) return;
  // All that is loaded comes before the first store that may go there.
  for (const size_t k : waiting_) {
    const int32_t v = chain_.outputs[k].value;
    int& slot = slots_[size_t(v)];
    if (waiting_.size() > 1 && v < inputs_ && slot == slot_none) slot = take_slot(), load(v, slot);
  }
  for (const size_t k : waiting_) {
    const int32_t v = chain_.outputs[k].value;
    if (in_accumulator_ != v) in_accumulator_ = never;
    output_ready(k);
  }
}

// What a lane has goes together with what another, or the same in another element, has.
void Writer::join(const Sum& sum, const Code& moved) {
  const int32_t dtype = chain_.dtype_of(sum.output->value);
  Code move = moved, code;
  code.code = uint16_t(accumulate_code(sum.output->reduction, dtype));
  code.to = uint8_t(sum.slot);
  code.flags = flag_keep;
  move.a = uint8_t(sum.slot);
  if (sum.output->reduction == PHX_ARGMAX) {
    const int other = take_slot();
    move.to = uint8_t(other);
    move.flags = flag_keep;
    after.push_back(move);
    taken_[other] = false;
    move = moved;
    move.a = uint8_t(sum.slot + 1);
    code.a = uint8_t(other);
  } else {
    code.a = uint8_t(sum.slot);
  }
  after.push_back(move);
  code.b = slot_accumulator;
  after.push_back(code);
}

void Writer::finish(const Sum& sum, bool run_is_kept, int lanes_log2) {
  const int elements = chain_.is_wide() ? 2 : 4;
  Code fold, shuffle;
  fold.code = code_fold;
  shuffle.code = code_shuffle;
  shuffle.c = uint8_t(run_is_kept ? elements : 1);
  if (!run_is_kept)
    for (fold.immediate = elements / 2; fold.immediate; fold.immediate /= 2) join(sum, fold);
  // Lanes of one unit are neighbours, or stand as far apart as there are units.
  const int64_t apart = run_is_kept ? 32 >> lanes_log2 : 1;
  for (int64_t lane = (int64_t(1) << lanes_log2) / 2; lane; lane /= 2) {
    shuffle.immediate = lane * apart;
    join(sum, shuffle);
  }
  const bool argmax = sum.output->reduction == PHX_ARGMAX;
  if (sum.output->keeps_largest) store(sum.output->largest, sum.slot, after);
  store(sum.output->to, sum.slot + argmax, after);
}

// Its slot is its own from the first unit to the last.
void Writer::begin_sum(const Chain::Output& output) {
  const bool argmax = output.reduction == PHX_ARGMAX;
  Code begin;
  begin.code = code_constant;
  begin.to = uint8_t(argmax ? take_pair() : take_slot());
  begin.immediate = identity(output.reduction, chain_.dtype_of(output.value));
  sum_slots_.push_back(begin.to);
  before.push_back(begin);
  if (!argmax) return;
  begin.to++;
  begin.immediate = INT32_MAX;
  before.push_back(begin);
}

void Writer::write(bool run_is_kept, int lanes_log2) {
  for (const Chain::Output& output : chain_.outputs) {
    if (output.reduction) begin_sum(output);
    else sum_slots_.push_back(slot_none);
  }
  ready_outputs(-1);
  for (int32_t i = 0; i < int32_t(chain_.operations.size()); i++) {
    now_ = i;
    operation(i);
    ready_outputs(i);
  }
  for (size_t k = 0; k < chain_.outputs.size(); k++)
    if (chain_.outputs[k].reduction) finish({&chain_.outputs[k], sum_slots_[k]}, run_is_kept, lanes_log2);
}

}  // namespace

int32_t operations_that_fit(const Chain& chain) {
  std::vector<Chain::Operand> operands;
  Writer writer(chain, operands);
  try {
    writer.write(false, 5);  // with all that ends a reduction, which may take a slot too
  } catch (const NoSlot& missing) {
    if (missing.operation < 1) lack("a fused instruction has too many results at a time");
    return missing.operation;
  }
  return int32_t(chain.operations.size());
}

std::vector<Code> write_code(const Chain& chain, FusedParams& p, bool run_is_kept,
                             std::vector<Chain::Operand>& operands) {
  Writer writer(chain, operands);
  writer.write(run_is_kept, p.lanes_log2);
  std::vector<Code> code = writer.before;
  p.body = int32_t(code.size());
  code.insert(code.end(), writer.body.begin(), writer.body.end());
  p.end = int32_t(code.size());
  code.insert(code.end(), writer.after.begin(), writer.after.end());
  p.count = int32_t(code.size());
  return code;
}

}  // namespace phynexus::gpu
