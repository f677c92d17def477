// Where a fused step's ops become machine code: by rows where that helps, else element after element.
#include <alloca.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "engine/failure.h"
#include "builder.h"

namespace phynexus {
namespace {

constexpr int64_t fewest_columns = 8, most_columns = 256, most_rows_in_group = 16;

// A step that is one run of code over one block.
struct CodeStep final : Step {
  std::vector<Place> places;
  FusedCode code = nullptr;
  int64_t count = 0;

  void run(const Frame& frame) const override {
    const size_t operands = places.size();
    char** slots = static_cast<char**>(alloca((operands + 1) * sizeof(char*)));
    slots[0] = frame.context->worker->registers;
    for (size_t k = 0; k < operands; k++) slots[k + 1] = places[k].at(frame.bases);
    code(slots, count);
  }
};

// One element a row, one after the other, needs no walk where nothing else does.
std::vector<RowWalk> needed_walks(const std::map<int32_t, RowWalk>& walked, std::vector<PlacedOp>& placed) {
  std::vector<RowWalk> walks;
  bool counted = true;  // all are such elements
  for (const auto& [slot, walk] : walked) {
    walks.push_back(walk);
    for (size_t row = 0; row < walk.starts.size(); row++) counted &= walk.starts[row] == int32_t(4 * row);
  }
  for (const PlacedOp& op : placed)
    for (int i = 0; i < op.arity; i++)
      counted &= op.repeated[i] != PlacedOp::in_rows || !walked.count(op.arguments[i].slot);
  if (!counted) return walks;
  for (PlacedOp& op : placed)
    for (PlacedOp::Repeated& repeated : op.repeated)
      if (repeated == PlacedOp::one_element) repeated = PlacedOp::in_columns;
  return {};
}

}  // namespace

std::vector<Source> FusedBuilder::read_after_ops() const {
  std::vector<Source> read;
  for (const FusedReduction& reduction : step_->reductions)
    if (!reduction.in_code) read.push_back(reduction.values);
  for (const FusedTile& store : step_->stores) read.push_back(store.dense);
  return read;
}

void FusedBuilder::write_code() {
  if (!lowering_.code || shares_shifted_memory()) return;
  if (write_rows()) return;
  // Values that stay in the processor's registers need no room here: which ones do shows once the code is written, so
  // it is written twice.
  drop_registers(phynexus::write_code(step_->ops, placed_, read_after_ops(), nullptr));
  phynexus::write_code(step_->ops, placed_, read_after_ops(), lowering_.code);
}

// The block as rows of dense columns, which sums add up or operands repeat; 0 where it is nothing of the kind.
int64_t FusedBuilder::row_columns() const {
  const auto& axes = layout_.tile_axes;
  const bool sums = sums_rows();
  if (!sums && axes.size() < 2) return 0;
  const int64_t columns = sums ? layout_.columns : axes.back().size;
  return columns < fewest_columns || columns > most_columns ? 0 : columns;
}

bool FusedBuilder::sums_rows() const {
  return reduces_ && layout_.groups == 1 && layout_.columns > 1 &&
         (layout_.varying == FusedStep::none || layout_.varying == FusedStep::by_rows);
}

// Whether the maxima of the block are those of short groups of its rows.
bool FusedBuilder::finds_maxima(int64_t columns) const {
  return layout_.steps == 1 && layout_.columns == columns && layout_.rows <= most_rows_in_group &&
         (layout_.varying == FusedStep::none || layout_.varying == FusedStep::by_groups);
}

// The maximum that an argmax finds on its way.
const FusedReduction* FusedBuilder::maximum_of(const FusedReduction& argmax) const {
  for (const FusedReduction& r : step_->reductions)
    if (r.in_argmax && r.values.slot == argmax.values.slot && r.values.offset == argmax.values.offset)
      return &r;
  return nullptr;
}

RowResults FusedBuilder::row_results() const {
  const auto place = [&](const FusedReduction& r) {
    return layout_.steps == 1 && r.dense ? r.tile.strided : r.partial;
  };
  RowResults results;
  for (const FusedReduction& r : step_->reductions) {
    if (!r.in_code) continue;
    if (r.compensated) results.sums.push_back({r.values, place(r)});
    else if (r.first_largest)
      results.maxima.push_back({r.values, place(*maximum_of(r)), place(r), r.row_positions});
    else if (!r.in_argmax) results.maxima.push_back({r.values, place(r), {}, {}});
  }
  if (!results.maxima.empty()) results.rows_in_group = int(layout_.rows);
  return results;
}

// Input k in rows of so many columns, where each of its rows is dense or one element.
std::optional<RowOperand> FusedBuilder::as_rows(size_t k, int64_t columns) const {
  const int64_t size = item_bytes(registers_[k].dtype);
  const auto& axes = layout_.tile_axes;
  size_t first = axes.size();
  int64_t inner = 1;
  bool dense = true, element = size == 4;
  while (first > 0 && inner < columns) {
    const Axis& axis = axes[--first];
    dense &= axis.strides[k] == inner * size;
    element &= axis.strides[k] == 0;
    inner *= axis.size;
  }
  if (inner != columns || (!dense && !element)) return {};
  RowWalk walk{int32_t(k + 1), {0}};
  for (size_t d = 0; d < first; d++) {
    const int64_t stride = axes[d].strides[k];
    if (std::abs(stride) > INT32_MAX / PHX_MAX_RANK / axes[d].size) return {};
    const std::vector<int32_t> outer = std::move(walk.starts);
    walk.starts.clear();
    for (const int32_t start : outer)
      for (int64_t i = 0; i < axes[d].size; i++) walk.starts.push_back(int32_t(start + i * stride));
  }
  const bool walks =
      std::any_of(walk.starts.begin(), walk.starts.end(), [](int32_t start) { return start != 0; });
  if (!walks) walk.starts.clear();
  return RowOperand{dense ? PlacedOp::in_rows : PlacedOp::one_element, walk};
}

StepPointer FusedBuilder::only_code() const {
  const FusedStep& s = *step_;
  const bool plain =
      s.loops.empty() && s.loads.empty() && s.stores.empty() && s.ops.size() == 1 && s.ops[0].code;
  for (const FusedReduction& reduction : s.reductions)
    if (!reduction.in_code || !reduction.dense) return nullptr;
  if (!plain) return nullptr;
  auto step = std::make_unique<CodeStep>();
  step->places = s.places;
  step->code = s.ops[0].code;
  step->count = s.leading * s.inner;
  return step;
}

bool FusedBuilder::write_rows() {
  const int64_t columns = row_columns();
  if (columns == 0 || placed_.empty()) return false;
  std::vector<PlacedOp> placed = placed_;
  std::map<int32_t, RowOperand> rows;  // by the register that the operand is copied to
  for (size_t k = 0; k < inputs_; k++)
    if (!registers_[k].memory && !registers_[k].uniform)
      if (const auto found = as_rows(k, columns)) rows[registers_[k].source.offset] = *found;
  std::map<int32_t, RowWalk> walked;  // by slot
  bool uses_rows = false;
  for (PlacedOp& op : placed)
    for (int i = 0; i < op.arity; i++)
      if (const auto found = rows.find(op.arguments[i].offset);
          op.arguments[i].slot == 0 && !op.uniform[i] && found != rows.end()) {
        const RowOperand& operand = found->second;
        op.arguments[i] = {operand.walk.slot, 0};
        op.repeated[i] = operand.repeated;
        uses_rows = true;
        if (!operand.walk.starts.empty()) walked[operand.walk.slot] = operand.walk;
      }
  const std::vector<RowWalk> walks = needed_walks(walked, placed);
  const auto is_copied_row = [&](Source s) { return s.slot == 0 && rows.count(s.offset); };
  for (FusedReduction& reduction : step_->reductions)
    reduction.in_code =
        reduction.is_float32 && !is_copied_row(reduction.values) &&
        (reduction.compensated ? sums_rows()
                               : (reduction.is_max || reduction.first_largest) && finds_maxima(columns));
  bool results = false;
  for (FusedReduction& reduction : step_->reductions) {
    // An argmax alone has nowhere to leave the largest.
    if (reduction.first_largest && !maximum_of(reduction)) reduction.in_code = false;
    results |= reduction.in_code;
  }
  std::vector<Source> touched;
  const auto write = [&](CodeMemory* memory) {
    return phynexus::write_rows(step_->ops, placed, columns, row_results(), walks, read_after_ops(), memory,
                                touched);
  };
  if (!uses_rows && !results) return false;
  if (!write(nullptr)) {  // with fewer registers for results there may be enough
    for (FusedReduction& reduction : step_->reductions) reduction.in_code = false;
    if (!uses_rows || !results || !write(nullptr)) return false;
  }
  // Rows that are read where they lie are not copied.
  const auto copied_for_others = [&](const FusedTile& load) {
    for (const FusedOp& op : step_->first_ops)
      for (const Source& source : {op.a, op.b, op.c, op.fourth})
        if (source.slot == 0 && source.offset == load.dense.offset) return true;
    for (const Source& source : read_after_ops())
      if (source.slot == 0 && source.offset == load.dense.offset) return true;
    return rows.find(load.dense.offset) == rows.end();
  };
  for (std::vector<FusedTile>* loads : {&step_->loads, &step_->first_loads})
    std::erase_if(*loads, [&](const FusedTile& load) { return !copied_for_others(load); });
  placed_ = placed;
  drop_registers(touched);
  placed = placed_;
  if (!write(lowering_.code))
    throw Failure(PHX_OUT_OF_MEMORY, "no memory for the code of a fused instruction");
  return true;
}

void FusedBuilder::drop_registers(const std::vector<Source>& used_by_ops) {
  std::vector<Source*> sources;
  const auto all_of = [&](std::vector<FusedOp>& ops) {
    for (FusedOp& op : ops) sources.insert(sources.end(), {&op.out, &op.a, &op.b, &op.c, &op.fourth});
  };
  const auto tiles = [&](std::vector<FusedTile>& list) {
    for (FusedTile& tile : list) sources.insert(sources.end(), {&tile.dense, &tile.strided});
  };
  all_of(step_->first_ops);
  tiles(step_->first_loads);
  tiles(step_->loads);
  tiles(step_->stores);
  for (FusedReduction& r : step_->reductions) {
    sources.push_back(&r.partial);
    if (step_->steps > 1) sources.push_back(&r.levels);
    if (!r.in_code) sources.insert(sources.end(), {&r.values, &r.spare});
  }
  std::set<int32_t> used;
  for (const Source* source : sources)
    if (source->slot == 0) used.insert(source->offset);
  for (const Source& source : used_by_ops)
    if (source.slot == 0) used.insert(source.offset);

  for (FusedReduction& r : step_->reductions)
    if (r.in_code) sources.push_back(&r.values);  // the name of a sum's terms
  all_of(step_->ops);
  for (PlacedOp& placed : placed_) {
    sources.push_back(&placed.out);
    for (Source& argument : placed.arguments) sources.push_back(&argument);
  }
  std::map<int32_t, int32_t> moved;
  file_bytes_ = 0;
  for (const auto& [offset, bytes] : allocated_)
    if (used.count(offset)) {
      moved[offset] = int32_t(file_bytes_);
      file_bytes_ += bytes;
    }
  // A dropped register is still the name of a value; what lies in the file is below the names.
  int32_t name = int32_t(file_bytes_);
  for (const auto& [offset, bytes] : allocated_)
    if (!used.count(offset)) moved[offset] = name, name += int32_t(bytes);
  for (Source* source : sources)
    if (const auto found = moved.find(source->offset); source->slot == 0 && found != moved.end())
      source->offset = found->second;
}

}  // namespace phynexus
