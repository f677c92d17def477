// Goes through regions with the places of their frames known, and leaves out nothing but control.
#include "leaves.h"

#include <algorithm>

#include "../../engine/plan/in_instruction.h"
#include "../../engine/plan/instructions.h"

namespace phynexus::gpu {
namespace {

class Unrolling {
 public:
  Unrolling(const Plan& plan, bool within_task, Leaves& out) : plan_(plan), within_task_(within_task), out_(out) {}

  void region(const Environment& environment) {
    const phx_region& r = *environment.region;
    for (int32_t k = 0; k < r.instructions; k++) {
      const int32_t index = r.first_instruction + k;
      in_instruction(plan_, index, [&](const phx_instruction& x) {
        if (x.opcode == PHX_CALL) call(x, environment);
        else if (x.opcode == PHX_SCAN) scan(x, index, environment);
        else if (x.opcode == PHX_MAP && within_task_) map(x, index, environment);
        else out_.all.push_back({Leaf::instruction, index, &environment, {}, {}, 0, 0, 0});
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
    if (bytes) out_.all.push_back({Leaf::move, index, nullptr, from, to, bytes, 0, 0});
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
      if (const phx_value* last = plan_.operand(x, x.inputs + k)) c.has_last = true, c.last = around.place(*last);
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
    for (int64_t i = 0; i < p.length; i++) {
      const int64_t here = p.reverse ? p.length - 1 - i : i, after = p.reverse ? here - 1 : here + 1;
      Environment& inner = enter(x, around, moved(scratch, p.scratch));
      for (int64_t k = 0; k < p.consts; k++) inner.bases.push_back(around.place(plan_.input(x, k)));
      for (Carry& c : all) {
        if (i == 0 && c.has_saved) move(index, moved(c.saved, here * c.bytes), c.now, c.bytes);
        inner.bases.push_back(c.now);
      }
      for (int64_t k = 0; k < p.xs; k++) {
        const phx_value& value = plan_.input(x, p.consts + carries + k);
        inner.bases.push_back(moved(around.place(value), here * map_stride(value, true)));
      }
      for (Carry& c : all) {
        Pointer to = c.turns[i % 2];
        if (i + 1 < p.length) {
          if (c.has_saved) to = moved(c.saved, after * c.bytes);
        } else if (c.has_last && !may_be_read_there(c)) {
          to = c.last;
        }
        inner.bases.push_back(to);
        c.now = to;
      }
      for (int64_t k = 0; k < p.ys; k++)
        inner.bases.push_back(moved(ys[size_t(k)], here * y_strides[size_t(k)]));
      region(inner);
    }
    for (const Carry& c : all)
      if (c.has_last && (c.last.base != c.now.base || c.last.offset != c.now.offset))
        move(index, c.last, c.now, c.bytes);
  }

  // Whether the last iteration may find its carry where the result is wanted: in the same memory, or in an input that
  // the output's caller has put there too.
  static bool may_be_read_there(const Carry& c) {
    if (c.now.base == c.last.base) return c.now.offset == c.last.offset;
    return c.now.base >= base_first_input && c.last.base >= base_first_input;
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
        out_.all.push_back({Leaf::sum, index, &around, outputs[size_t(k)].first, {}, outputs[size_t(k)].stride,
                            p.iterations, k});
  }

  const Plan& plan_;
  bool within_task_;
  Leaves& out_;
};

Access access(Pointer base, Extent extent, bool writes) {
  return {base.base, base.offset + extent.low, base.offset + extent.high, writes};
}

// The bytes of a view, counted from its element [0, ..., 0].
Extent own_extent(const phx_value& value) {
  Extent extent = extent_of(value);
  if (!extent.empty()) extent.low -= value.offset, extent.high -= value.offset;
  return extent;
}

void add_map_accesses(const Plan& plan, const Leaf& leaf, std::vector<Access>& out) {
  const phx_instruction& x = plan.instructions[size_t(leaf.index)];
  const Map p = read_params<Map>(plan, x);
  const Needs& needs = plan.needs[size_t(x.region)];
  for (int32_t k = 0; k < x.inputs + x.outputs; k++) {
    const phx_value* value = plan.operand(x, k);
    const bool writes = k >= x.inputs;
    if (!value) continue;
    if (writes && p.summed[size_t(k - x.inputs)]) {
      out.push_back(access(leaf.environment->place(*value), own_extent(*value), true));
      continue;
    }
    const Extent need = writes ? needs.outputs[size_t(k - x.inputs)] : needs.inputs[size_t(k)];
    if (need.empty() || p.iterations == 0) continue;
    const int64_t last = (p.iterations - 1) * map_stride(*value, writes || p.mapped[size_t(k)]);
    Extent all = need;
    all.low += std::min<int64_t>(last, 0);
    all.high += std::max<int64_t>(last, 0);
    out.push_back(access(leaf.environment->place(*value), all, writes));
  }
}

}  // namespace

int64_t map_stride(const phx_value& value, bool moves) {
  return moves ? value.strides[0] * item_bytes(value.dtype) : 0;
}

TermBytes term_bytes(const phx_value& value) {
  const Extent extent = own_extent(value);
  return extent.empty() ? TermBytes{} : TermBytes{extent.low, round_up(extent.high - extent.low)};
}

Leaves leaves_of(const Plan& plan, size_t region, bool within_task) {
  Leaves out;
  out.scratch_bytes = round_up(plan.regions[region].scratch_bytes);
  const Environment& own = out.environments.emplace_back(Environment::own(plan.regions[region]));
  Unrolling(plan, within_task, out).region(own);
  return out;
}

std::vector<Access> accesses_of(const Plan& plan, const Leaf& leaf) {
  std::vector<Access> out;
  if (leaf.kind == Leaf::move)
    return {access(leaf.from, {0, leaf.bytes}, false), access(leaf.to, {0, leaf.bytes}, true)};
  const phx_instruction& x = plan.instructions[size_t(leaf.index)];
  if (leaf.kind == Leaf::sum) {
    const phx_value& value = plan.output(x, leaf.output);
    const Pointer begin = moved(leaf.from, term_bytes(value).low);
    return {access(begin, {0, leaf.bytes * leaf.terms}, true),  // sums on the way lie there too
            access(leaf.environment->place(value), own_extent(value), true)};
  }
  if (x.opcode == PHX_MAP) {
    add_map_accesses(plan, leaf, out);
    return out;
  }
  for (int32_t k = 0; k < x.inputs + x.outputs; k++)
    if (const phx_value* value = plan.operand(x, k))
      out.push_back(access(leaf.environment->place(*value), own_extent(*value), k >= x.inputs));
  return out;
}

}  // namespace phynexus::gpu
