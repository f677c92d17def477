// Gives each leaf its levels, each workspace its place, and writes the records.
#include "frame_records.h"

#include <algorithm>

#include "../../engine/plan/in_instruction.h"
#include "record_builder.h"

namespace phynexus::gpu {

Pointer RecordBuilder::workspace(int64_t bytes) {
  if (!writes_) {
    footprint_->workspaces.push_back({bytes, phase_, 0});
    return {base_scratch, 0, 0};
  }
  return {base_scratch, 0, footprint_->workspaces[next_workspace_++].offset};
}

void RecordBuilder::add_bytes(Handler handler, int64_t tiles, const void* params, int64_t size) {
  if (tiles <= 0 || !writes_) return;
  Record record;
  record.handler = handler;
  record.tiles = tiles;
  record.params = program.add(params, size);
  record.instruction = leaf_->index;
  out_.records.push_back({level(), record});
}

const FrameRecords& RecordBuilder::body(size_t region) {
  const auto known = lowering_.bodies.find(region);
  if (known != lowering_.bodies.end()) return known->second;
  return lowering_.bodies.emplace(region, lower_frame(lowering_, region, true, nullptr)).first->second;
}

void RecordBuilder::add_task(Launch launch) {
  if (!writes_) return;
  launch.level = level();
  launch.instructions.insert(launch.instructions.begin(), leaf_->index);
  out_.tasks.push_back(std::move(launch));
}

namespace {

void lower_instruction(RecordBuilder& builder, const phx_instruction& x) {
  switch (x.opcode) {
    case PHX_FUSED: return lower_fused(builder, x);
    case PHX_ARGMAX: return lower_argmax(builder, x);
    case PHX_CUMSUM: return lower_cumsum(builder, x);
    case PHX_SORT: return lower_sort(builder, x);
    case PHX_COPY: return lower_copy(builder, x);
    case PHX_GATHER: return lower_gather(builder, x);
    case PHX_SCATTER:
    case PHX_SCATTER_ADD: return lower_scatter(builder, x);
    case PHX_IOTA: return lower_iota(builder, x);
    case PHX_RANDOM_BITS: return lower_random_bits(builder, x);
    case PHX_DOT_GENERAL: return lower_dot_general(builder, x);
    case PHX_CONV_GENERAL:
    case PHX_CONV_INPUT_GRADIENT:
    case PHX_CONV_WEIGHT_GRADIENT: return lower_convolution(builder, x);
    case PHX_CHOLESKY: return lower_cholesky(builder, x);
    case PHX_TRIANGULAR_SOLVE: return lower_triangular_solve(builder, x);
    case PHX_LU: return lower_lu(builder, x);
    case PHX_MAP: return lower_map(builder, x);
    default: lack(format("opcode %d has no kernel", x.opcode));
  }
}

void lower_leaf(RecordBuilder& builder, const Leaves& leaves, const Leaf& leaf, const phx_instruction& x) {
  switch (leaf.kind) {
    case Leaf::move: return lower_move(builder, leaf.from, leaf.to, leaf.bytes);
    case Leaf::sum:
      return lower_sums(builder, {{&builder.plan.output(x, leaf.output), leaf.from, leaf.bytes}}, leaf.terms);
    case Leaf::loop_begin: {
      const Loop& loop = leaves.loops[size_t(leaf.loop)];
      AdvanceLoopParams p = loop.advance;
      p.places = builder.add_data(loop.places.data(), int64_t(loop.places.size() * sizeof(LoopBase)));
      builder.add(handler_begin_loop, 1, BeginLoopParams{p.counter});
      builder.next_phase();
      return builder.add(handler_advance_loop, 1, p);
    }
    case Leaf::loop_end: return;
    default: return lower_instruction(builder, x);
  }
}

// Places workspaces behind `begin`, those of different levels in the same memory; returns where they end.
int64_t place_workspaces(std::vector<Footprint>& footprints, int64_t begin) {
  struct Block {
    int last;
    int64_t offset, end;
  };
  std::vector<std::pair<int, std::pair<Footprint*, Footprint::Workspace*>>> order;
  for (Footprint& f : footprints)
    for (Footprint::Workspace& w : f.workspaces) order.push_back({f.first_level + w.first_phase, {&f, &w}});
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Block> live;  // by offset
  int64_t end = begin;
  for (auto& [first, pair] : order) {
    std::erase_if(live, [first = first](const Block& b) { return b.last < first; });
    const int64_t bytes = round_up(std::max<int64_t>(pair.second->bytes, 1));
    int64_t at = begin;
    auto next = live.begin();
    for (; next != live.end() && next->offset - at < bytes; ++next) at = std::max(at, next->end);
    pair.second->offset = at;
    live.insert(next, {pair.first->last_level(), at, at + bytes});
    end = std::max(end, at + bytes);
  }
  return end;
}

}  // namespace

FrameRecords lower_frame(Lowering& lowering, size_t region, bool within_task,
                         const std::vector<int32_t>* aliases) {
  FrameRecords out;
  const Plan& plan = lowering.plan;
  Leaves leaves = leaves_of(plan, region, within_task, lowering.target.most_unrolled);
  if (aliases) leaves.frames[0].may_alias = false, leaves.frames[0].same = *aliases;
  Hazards hazards(leaves.base_count, leaves.frames);
  RecordBuilder builder(lowering, within_task, out);
  std::vector<Footprint> footprints(leaves.all.size());
  const auto lower = [&](size_t k, bool writes) {
    const Leaf& leaf = leaves.all[k];
    in_instruction(plan, leaf.index, [&](const phx_instruction& x) {
      builder.run(leaf, footprints[k], writes, [&](RecordBuilder& b) { lower_leaf(b, leaves, leaf, x); });
    });
  };
  for (size_t k = 0; k < leaves.all.size(); k++) {
    const Leaf& leaf = leaves.all[k];
    Footprint& footprint = footprints[k];
    lower(k, false);
    if (leaf.kind == Leaf::loop_end) {
      out.loops.back().last = hazards.fence() - 1;
      continue;
    }
    const std::vector<Access> accesses = accesses_of(plan, leaf);
    footprint.first_level = leaf.kind == Leaf::loop_begin ? hazards.fence() : hazards.first_level(accesses);
    hazards.record(accesses, footprint.last_level());
    if (leaf.kind != Leaf::loop_begin) continue;
    hazards.fence();
    out.loops.push_back({footprint.last_level(), 0, leaves.loops[size_t(leaf.loop)].advance.length});
  }
  out.base_count = leaves.base_count;
  out.scratch_bytes = place_workspaces(footprints, leaves.scratch_bytes);
  for (size_t k = 0; k < leaves.all.size(); k++) lower(k, true);
  std::stable_sort(out.records.begin(), out.records.end(),
                   [](const LevelRecord& a, const LevelRecord& b) { return a.level < b.level; });
  return out;
}

}  // namespace phynexus::gpu
