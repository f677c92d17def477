// Gives each leaf its levels, each workspace its place, and writes the records.
#include "frame_records.h"

#include <algorithm>

#include "../../engine/plan/in_instruction.h"
#include "handler_facts.h"
#include "record_builder.h"
#include "scratch_blocks.h"
#include "together.h"

namespace phynexus::gpu {

Pointer RecordBuilder::workspace(int64_t bytes) {
  if (!writes_) {
    footprint_->workspaces.push_back({bytes, phase_, 0});
    return {base_scratch, 0, 0};
  }
  return {base_scratch, 0, footprint_->workspaces[next_workspace_++].offset};
}

void RecordBuilder::add_bytes(Handler handler, int64_t tiles, const void* params, int64_t size) {
  if (tiles <= 0) return;
  if (!writes_) return footprint_->runs(kernel_of(handler), phase_);
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

void RecordBuilder::add_launch(Launch launch) {
  if (!writes_) return footprint_->runs(level_kernel_count, phase_);
  launch.level = level();
  launch.instructions.insert(launch.instructions.begin(), leaf_->index);
  out_.launches.push_back(std::move(launch));
}

bool RecordBuilder::library_takes(const LibraryProduct& product) const {
  if (within_task_ || !target.least_of_library) return false;
  const MatrixProduct& sizes = product.sizes;
  const double work = double(sizes.batch) * double(sizes.rows) * double(sizes.columns) * double(sizes.terms);
  if (work < double(target.least_of_library)) return false;
  // Those of loops are laid out by kernels.
  const phx_region& whole = plan.whole_program();
  const int32_t known = base_first_input + whole.inputs + whole.outputs;
  return product.out.base < known && product.a.base < known && product.b.base < known;
}

// The kernel moves no bytes. It marks that the product begins, so that a fault in it finds its instruction.
void RecordBuilder::add_library_product(const LibraryProduct& product) {
  Launch launch;
  launch.kernel = name_of_kernel(kernel_of(handler_move_bytes));
  launch.threads = target.threads;
  launch.product = product;
  if (writes_) {
    const MoveBytesParams none;
    const int64_t end = 1;
    Record record;
    record.handler = handler_move_bytes;
    record.params = program.add(&none, sizeof none);
    record.instruction = leaf_->index;
    launch.arguments.records = program.add(&record, sizeof record);
    launch.arguments.record_count = 1;
    launch.arguments.extra = program.add(&end, sizeof end);
  }
  add_launch(std::move(launch));
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
    case Leaf::move:
      return lower_move(builder, builder.where_it_went(leaf.from), builder.where_it_went(leaf.to),
                        leaf.bytes);
    case Leaf::sum:
      return lower_sums(
          builder, {{&builder.plan.output(x, leaf.output), builder.where_it_went(leaf.from), leaf.bytes}},
          leaf.terms);
    case Leaf::loop_begin: {
      const Loop& loop = leaves.loops[size_t(leaf.loop)];
      AdvanceLoopParams p = loop.advance;
      p.places = builder.add_data(loop.places.data(), int64_t(loop.places.size() * sizeof(LoopBase)));
      builder.add(handler_begin_loop, 1, BeginLoopParams{p.counter});
      builder.next_phase();
      return builder.add(handler_advance_loop, 1, p);
    }
    case Leaf::loop_end: return;
    case Leaf::outer_loop_end: return builder.add(handler_move_bytes, 1, MoveBytesParams{});  // of none
    default: return lower_instruction(builder, x);
  }
}

// Bytes of scratch that are needed in some levels: a workspace, or a block.
struct Needed {
  int first, last;
  int64_t bytes;
  int64_t* offset;
};

// Gives each a place behind `begin`; those of different levels share memory. Returns where they end.
int64_t place_by_levels(std::vector<Needed> all, int64_t begin) {
  struct Taken {
    int last;
    int64_t offset, end;
  };
  std::stable_sort(all.begin(), all.end(),
                   [](const Needed& a, const Needed& b) { return a.first < b.first; });
  std::vector<Taken> live;  // by offset
  int64_t end = begin;
  for (const Needed& one : all) {
    std::erase_if(live, [&](const Taken& taken) { return taken.last < one.first; });
    const int64_t bytes = round_up(std::max<int64_t>(one.bytes, 1));
    int64_t at = begin;
    auto next = live.begin();
    for (; next != live.end() && next->offset - at < bytes; ++next) at = std::max(at, next->end);
    *one.offset = at;
    live.insert(next, {one.last, at, at + bytes});
    end = std::max(end, at + bytes);
  }
  return end;
}

// When each leaf runs, and where its memory lies.
struct Layout {
  std::vector<Footprint> footprints;
  std::vector<LoopLevels> loops;
  int64_t scratch_bytes = 0;
};

// Levels by the memory that leaves share, as the plan has it.
Layout layout_of(const Leaves& leaves, const std::vector<std::vector<Access>>& accesses, int32_t base_count,
                 std::vector<Footprint> footprints) {
  Layout out{std::move(footprints), {}, leaves.scratch_bytes};
  Hazards hazards(base_count, leaves.frames);
  std::vector<size_t> around;  // the loops that have begun
  for (size_t k = 0; k < leaves.all.size(); k++) {
    const Leaf& leaf = leaves.all[k];
    Footprint& footprint = out.footprints[k];
    if (leaf.kind != Leaf::loop_end) {
      const bool waits_for_all = leaf.kind == Leaf::loop_begin || leaf.kind == Leaf::outer_loop_end;
      footprint.first_level = waits_for_all ? hazards.fence() : hazards.first_level(accesses[k]);
      hazards.record(accesses[k], footprint.last_level());
    }
    if (leaf.ends_loop()) {
      out.loops[around.back()].last = hazards.fence() - 1;
      around.pop_back();
    }
    if (leaf.kind != Leaf::loop_begin) continue;
    hazards.fence();
    around.push_back(out.loops.size());
    out.loops.push_back({footprint.last_level(), 0, leaves.loops[size_t(leaf.loop)].advance.length});
  }
  return out;
}

void add_workspaces(Layout& layout, std::vector<Needed>& out) {
  for (Footprint& f : layout.footprints)
    for (Footprint::Workspace& w : f.workspaces)
      out.push_back({f.first_level + w.first_phase, f.last_level(), w.bytes, &w.offset});
}

Layout as_the_plan_has_it(const Leaves& leaves, const std::vector<std::vector<Access>>& accesses,
                          const std::vector<Footprint>& footprints) {
  Layout out = layout_of(leaves, accesses, leaves.base_count, footprints);
  std::vector<Needed> needed;
  add_workspaces(out, needed);
  out.scratch_bytes = place_by_levels(std::move(needed), leaves.scratch_bytes);
  return out;
}

void bring_together(Layout& layout, const Leaves& leaves, const std::vector<std::vector<Access>>& accesses,
                    int32_t base_count) {
  std::vector<Timed> steps;
  for (const Footprint& f : layout.footprints) steps.push_back({f.kernels, f.first_level});
  bring_together(steps, accesses, base_count, leaves.frames);
  for (size_t k = 0; k < steps.size(); k++) layout.footprints[k].first_level = steps[k].first_level;
}

// The same with blocks instead of the plan's scratch, which then share memory only with what runs in other levels.
Layout apart(const Leaves& leaves, std::vector<std::vector<Access>> accesses,
             const std::vector<Footprint>& footprints, int64_t most_bytes, bool together) {
  ScratchBlocks blocks(accesses, leaves.base_count, most_bytes);
  const int32_t base_count = leaves.base_count + int32_t(blocks.all.size());
  Layout out = layout_of(leaves, accesses, base_count, footprints);
  if (together) bring_together(out, leaves, accesses, base_count);
  const auto each = [&](const auto& f) {
    for (size_t k = 0; k < accesses.size(); k++)
      for (const Access& access : accesses[k])
        if (access.base >= leaves.base_count)
          f(out.footprints[k], access, blocks.all[size_t(access.base - leaves.base_count)]);
  };
  each([](const Footprint& footprint, const Access&, ScratchBlock& block) {
    if (block.first_level < 0) block.first_level = footprint.first_level;
    block.first_level = std::min(block.first_level, footprint.first_level);
    block.last_level = std::max(block.last_level, footprint.last_level());
  });
  std::vector<Needed> needed;
  add_workspaces(out, needed);
  // What lies at a multiple of the alignment stays at one.
  const auto before = [](const ScratchBlock& b) { return b.low - b.low / PHX_ALIGNMENT * PHX_ALIGNMENT; };
  for (ScratchBlock& b : blocks.all)
    needed.push_back({b.first_level, b.last_level, before(b) + b.high - b.low, &b.offset});
  out.scratch_bytes = place_by_levels(std::move(needed), 0);
  each([&](Footprint& footprint, const Access& access, const ScratchBlock& block) {
    const int64_t bytes = block.offset + before(block) - block.low;
    const bool known = std::any_of(footprint.moves.begin(), footprint.moves.end(),
                                   [&](const Footprint::Move& m) { return m.origin == access.origin; });
    if (!known) footprint.moves.push_back({access.origin, bytes});
  });
  return out;
}

// The best first: blocks of any size apart, or smaller ones only; steps of one kernel brought together.
struct Apart {
  int64_t most_bytes;
  bool together;
};
constexpr Apart ways_apart[] = {
    {INT64_MAX, true}, {INT64_MAX, false}, {1 << 20, true}, {1 << 20, false}, {1 << 14, false}};

// Of memory apart, at most half as much again and a little; of a task's frame, what leaves room for two on a
// multiprocessor.
bool is_too_large(int64_t bytes, int64_t as_planned, bool within_task, const Target& target) {
  constexpr int64_t little = 16 << 20;
  if (bytes <= as_planned) return false;
  if (within_task && bytes <= target.shared_bytes) return 2 * bytes > target.shared_bytes;
  return within_task || bytes > as_planned + as_planned / 2 + little;
}

}  // namespace

FrameRecords lower_frame(Lowering& lowering, size_t region, bool within_task,
                         const std::vector<int32_t>* aliases) {
  FrameRecords out;
  const Plan& plan = lowering.plan;
  Leaves leaves = leaves_of(plan, region, within_task, lowering.target.most_unrolled);
  if (aliases) leaves.frames[0].may_alias = false, leaves.frames[0].same = *aliases;
  RecordBuilder builder(lowering, within_task, out);
  std::vector<Footprint> footprints(leaves.all.size());
  const auto lower_all = [&](std::vector<Footprint>& all, bool writes) {
    for (size_t k = 0; k < leaves.all.size(); k++) {
      const Leaf& leaf = leaves.all[k];
      in_instruction(plan, leaf.index, [&](const phx_instruction& x) {
        builder.run(leaf, all[k], writes, [&](RecordBuilder& b) { lower_leaf(b, leaves, leaf, x); });
      });
    }
  };
  lower_all(footprints, false);
  std::vector<std::vector<Access>> accesses;
  for (const Leaf& leaf : leaves.all) accesses.push_back(accesses_of(plan, leaf));
  Layout layout = as_the_plan_has_it(leaves, accesses, footprints);
  // Loops have frames that point to the plan's scratch.
  const bool together = !within_task && aliases;
  for (const Apart& way : ways_apart) {
    if (!leaves.loops.empty()) break;
    Layout other = apart(leaves, accesses, footprints, way.most_bytes, way.together && together);
    if (is_too_large(other.scratch_bytes, layout.scratch_bytes, within_task, lowering.target)) continue;
    layout = std::move(other);
    break;
  }
  out.loops = std::move(layout.loops);
  out.base_count = leaves.base_count;
  out.scratch_bytes = layout.scratch_bytes;
  lower_all(layout.footprints, true);
  std::stable_sort(out.records.begin(), out.records.end(),
                   [](const LevelRecord& a, const LevelRecord& b) { return a.level < b.level; });
  return out;
}

}  // namespace phynexus::gpu
