// Goes through regions with the places of their frames known, and leaves out nothing but control.
#include <algorithm>

#include "../../engine/plan/in_instruction.h"
#include "../../engine/plan/instructions.h"
#include "leaves.h"

namespace phynexus::gpu {
namespace {

class Unrolling {
 public:
  Unrolling(const Plan& plan, bool within_task, int64_t most_unrolled, Leaves& out)
      : plan_(plan), within_task_(within_task), most_unrolled_(most_unrolled), out_(out) {}

  void region(const Environment& environment) {
    const phx_region& r = *environment.region;
    for (int32_t k = 0; k < r.instructions; k++) {
      const int32_t index = r.first_instruction + k;
      in_instruction(plan_, index, [&](const phx_instruction& x) {
        if (x.opcode == PHX_CALL) call(x, environment);
        else if (x.opcode == PHX_SCAN) scan(x, index, environment);
        else if (x.opcode == PHX_MAP && within_task_) map(x, index, environment);
        else out_.all.push_back({Leaf::instruction, index, &environment, {}, {}, 0, 0, 0, 0});
      });
    }
  }

 private:
  const phx_region& body_of(const phx_instruction& x) const { return plan_.regions[size_t(x.region)]; }

  // A frame of x's region within the one around; its operands follow.
  Environment& enter(const phx_instruction& x, const Environment& around, Pointer scratch) {
    Environment& inner = out_.environments.emplace_back();
    inner.region = &body_of(x);
    inner.bases = {scratch, around.bases[base_constants]};
    return inner;
  }

  Pointer take(int64_t bytes) {
    const Pointer place{base_scratch, 0, out_.scratch_bytes};
    out_.scratch_bytes += round_up(bytes);
    return place;
  }
  // Memory for what the body writes and nobody reads.
  Pointer unread(const phx_instruction& x, size_t output) {
    const Extent need = plan_.needs[size_t(x.region)].outputs[output];
    const int64_t before = round_up(-std::min<int64_t>(need.low, 0));
    return moved(take(before + std::max<int64_t>(need.high, 0)), before);
  }

  void move(int32_t index, Pointer to, Pointer from, int64_t bytes) {
    if (bytes) out_.all.push_back({Leaf::move, index, nullptr, from, to, bytes, 0, 0, 0});
  }

  void call(const phx_instruction& x, const Environment& around) {
    const Pointer scratch = moved(around.bases[base_scratch], read_params<Call>(plan_, x).scratch);
    Environment& inner = enter(x, around, scratch);
    for (int32_t k = 0; k < x.inputs + x.outputs; k++)
      inner.bases.push_back(around.place(*plan_.operand(x, k)));
    region(inner);
  }

  struct Carry {
    int64_t bytes = 0;
    Pointer now, turns[2], last, saved;
    bool has_last = false, has_saved = false;
  };

  // As engine/run/scan.cpp: each carry has two buffers, which the iterations write in turn.
  void scan(const phx_instruction& x, int32_t index, const Environment& around) {
    const Scan p = read_params<Scan>(plan_, x);
    const int64_t carries = int64_t(p.carries.size());
    const Pointer scratch = around.bases[base_scratch];
    std::vector<Carry> all;
    for (int64_t k = 0; k < carries; k++) {
      const phx_value& first = plan_.input(x, p.consts + k);
      Carry c;
      c.bytes = element_count(first) * item_bytes(first.dtype);
      c.now = around.place(first);
      c.turns[0] = moved(scratch, p.carries[size_t(k)].even);
      c.turns[1] = moved(scratch, p.carries[size_t(k)].odd);
      if (const phx_value* last = plan_.operand(x, x.inputs + k))
        c.has_last = true, c.last = around.place(*last);
      if (const phx_value* saved = plan_.operand(x, x.inputs + carries + p.ys + k))
        c.has_saved = true, c.saved = around.place(*saved);
      all.push_back(c);
    }
    std::vector<Pointer> ys;
    std::vector<int64_t> y_strides;
    for (int64_t k = 0; k < p.ys; k++) {
      const phx_value* y = plan_.operand(x, x.inputs + carries + k);
      ys.push_back(y ? around.place(*y) : unread(x, size_t(carries + k)));
      y_strides.push_back(y ? map_stride(*y, true) : 0);
    }
    const int64_t first = p.reverse ? p.length - 1 : 0;
    for (const Carry& c : all)
      if (p.length && c.has_saved) move(index, moved(c.saved, first * c.bytes), c.now, c.bytes);
    if (loops(x, p)) {
      loop(x, index, p, around, all, ys, y_strides);
    } else {
      for (int64_t i = 0; i < p.length; i++) iterate(x, i, p, around, all, ys, y_strides);
    }
    for (const Carry& c : all)
      if (c.has_last && (c.last.base != c.now.base || c.last.offset != c.now.offset))
        move(index, c.last, c.now, c.bytes);
  }

  void iterate(const phx_instruction& x, int64_t i, const Scan& p, const Environment& around,
               std::vector<Carry>& carries, const std::vector<Pointer>& ys,
               const std::vector<int64_t>& y_strides) {
    const int64_t here = p.reverse ? p.length - 1 - i : i, after = p.reverse ? here - 1 : here + 1;
    Environment& inner = enter(x, around, moved(around.bases[base_scratch], p.scratch));
    for (int64_t k = 0; k < p.consts; k++) inner.bases.push_back(around.place(plan_.input(x, k)));
    for (const Carry& c : carries) inner.bases.push_back(c.now);
    for (int64_t k = 0; k < p.xs; k++) {
      const phx_value& value = plan_.input(x, p.consts + int64_t(carries.size()) + k);
      inner.bases.push_back(moved(around.place(value), here * map_stride(value, true)));
    }
    for (Carry& c : carries) {
      if (i + 1 == p.length) c.now = last_place(c, p.length);
      else c.now = c.has_saved ? moved(c.saved, after * c.bytes) : c.turns[i % 2];
      inner.bases.push_back(c.now);
    }
    for (size_t k = 0; k < ys.size(); k++) inner.bases.push_back(moved(ys[k], here * y_strides[k]));
    region(inner);
  }

  // Whether a scan is worth a frame of its own for each iteration.
  bool loops(const phx_instruction& x, const Scan& p) {
    const double steps = double(p.length) * std::max(steps_of(body_of(x)), 1.0);
    return p.length > 2 && steps > double(most_unrolled_);
  }
  double steps_of(const phx_region& r) const {  // of scans in scans more than integers count
    double steps = 0;
    for (int32_t k = 0; k < r.instructions; k++) {
      const phx_instruction& x = plan_.instructions[size_t(r.first_instruction + k)];
      double turns = 1;
      if (x.opcode == PHX_SCAN) turns = double(read_params<Scan>(plan_, x).length);
      if (x.opcode == PHX_MAP && within_task_) turns = double(read_params<Map>(plan_, x).iterations);
      const bool goes_in =
          x.opcode == PHX_CALL || x.opcode == PHX_SCAN || (x.opcode == PHX_MAP && within_task_);
      steps += goes_in ? turns * steps_of(body_of(x)) : 1;
    }
    return steps;
  }

  // The same with the iteration's frame laid out when it runs.
  void loop(const phx_instruction& x, int32_t index, const Scan& p, const Environment& around,
            std::vector<Carry>& carries, const std::vector<Pointer>& ys,
            const std::vector<int64_t>& y_strides) {
    const phx_region& body = body_of(x);
    std::vector<LoopBase> places;
    const auto add = [&](LoopBase::Kind kind, Pointer place, int64_t stride) -> LoopBase& {
      return places.emplace_back(LoopBase{kind, 0, stride, place, {}, {}});
    };
    const auto add_carry = [&](LoopBase::Kind kind, const Carry& c, Pointer place) {
      LoopBase& base = add(kind, place, c.bytes);
      base.is_saved = c.has_saved;
      base.saved = c.saved;
      base.turns[0] = c.turns[0], base.turns[1] = c.turns[1];
    };
    add(LoopBase::fixed, moved(around.bases[base_scratch], p.scratch), 0);
    add(LoopBase::fixed, around.bases[base_constants], 0);
    for (int64_t k = 0; k < p.consts; k++) add(LoopBase::fixed, around.place(plan_.input(x, k)), 0);
    for (const Carry& c : carries) add_carry(LoopBase::carry_in, c, c.now);
    for (int64_t k = 0; k < p.xs; k++) {
      const phx_value& value = plan_.input(x, p.consts + int64_t(carries.size()) + k);
      add(LoopBase::slice, around.place(value), map_stride(value, true));
    }
    for (Carry& c : carries) {
      c.now = last_place(c, p.length);
      add_carry(LoopBase::carry_out, c, c.now);
    }
    for (size_t k = 0; k < ys.size(); k++) add(LoopBase::slice, ys[k], y_strides[k]);

    Loop made;
    made.advance.length = p.length;
    made.advance.reverse = p.reverse;
    made.advance.counter = out_.base_count++;
    made.advance.first = out_.base_count;
    made.advance.count = int32_t(places.size());
    made.places = std::move(places);
    out_.base_count += made.advance.count;
    out_.frames.push_back({made.advance.first + base_first_input,
                           body.inputs,
                           body.outputs,
                           !plan_.apart[size_t(x.region)],
                           {}});
    Environment& inner = out_.environments.emplace_back();
    inner.region = &body;
    for (int32_t k = 0; k < made.advance.count; k++) inner.bases.push_back({made.advance.first + k, 0, 0});
    const int32_t number = int32_t(out_.loops.size());
    out_.loops.push_back(std::move(made));
    out_.all.push_back({Leaf::loop_begin, index, nullptr, {}, {}, 0, 0, 0, number});
    const size_t loops_before = out_.loops.size();
    region(inner);
    // A loop that ends where one within it does has a step of its own behind that.
    const bool has_loops = out_.loops.size() > loops_before;
    out_.all.push_back(
        {has_loops ? Leaf::outer_loop_end : Leaf::loop_end, index, nullptr, {}, {}, 0, 0, 0, number});
  }

  // Where the last iteration leaves a carry: where it is wanted, unless it may still be read there.
  static Pointer last_place(const Carry& c, int64_t length) {
    const bool may_be_first = length == 1 && may_be_read_there(c.now, c.last);
    return c.has_last && !may_be_first ? c.last : c.turns[(length - 1) % 2];
  }
  // In the same memory, or in an input that the output's caller has put there too.
  static bool may_be_read_there(Pointer now, Pointer last) {
    if (now.base == last.base) return now.offset == last.offset;
    return now.base >= base_first_input && last.base >= base_first_input;
  }

  // One iteration after the other, in the same scratch.
  void map(const phx_instruction& x, int32_t index, const Environment& around) {
    const Map p = read_params<Map>(plan_, x);
    const Pointer scratch = take(body_of(x).scratch_bytes);
    struct Output {
      Pointer first;
      int64_t stride;
    };
    std::vector<Output> outputs;
    for (int32_t k = 0; k < x.outputs; k++) {
      const phx_value* value = plan_.operand(x, x.inputs + k);
      if (!value) {
        outputs.push_back({unread(x, size_t(k)), 0});
      } else if (!p.summed[size_t(k)]) {
        outputs.push_back({around.place(*value), map_stride(*value, true)});
      } else {
        const TermBytes term = term_bytes(*value);
        outputs.push_back({moved(take(term.bytes * p.iterations), -term.low), term.bytes});
      }
    }
    for (int64_t i = 0; i < p.iterations; i++) {
      Environment& inner = enter(x, around, scratch);
      for (int32_t k = 0; k < x.inputs; k++) {
        const phx_value& value = plan_.input(x, k);
        inner.bases.push_back(moved(around.place(value), i * map_stride(value, p.mapped[size_t(k)])));
      }
      for (const Output& output : outputs) inner.bases.push_back(moved(output.first, i * output.stride));
      region(inner);
    }
    for (int32_t k = 0; k < x.outputs; k++)
      if (p.summed[size_t(k)] && plan_.operand(x, x.inputs + k))
        out_.all.push_back({Leaf::sum,
                            index,
                            &around,
                            outputs[size_t(k)].first,
                            {},
                            outputs[size_t(k)].stride,
                            p.iterations,
                            k,
                            0});
  }

  const Plan& plan_;
  bool within_task_;
  int64_t most_unrolled_;
  Leaves& out_;
};

}  // namespace

Leaves leaves_of(const Plan& plan, size_t region, bool within_task, int64_t most_unrolled) {
  Leaves out;
  const phx_region& r = plan.regions[region];
  out.scratch_bytes = round_up(r.scratch_bytes);
  out.frames.push_back({base_first_input, r.inputs, r.outputs, !plan.apart[region], {}});
  out.base_count = base_first_input + r.inputs + r.outputs;
  const Environment& own = out.environments.emplace_back(Environment::own(r));
  Unrolling(plan, within_task, most_unrolled, out).region(own);
  return out;
}

}  // namespace phynexus::gpu
