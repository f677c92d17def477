// Copies a plan's arrays and checks every index in them, so that what follows reads them freely.
#include <algorithm>
#include <cstring>

#include "../failure.h"
#include "limits.h"
#include "plan.h"

namespace phynexus {
namespace {

template <class T>
std::vector<T> copied(const T* from, int32_t count, const char* what) {
  if (count < 0 || (count > 0 && !from)) refuse(format("the plan has no %s", what));
  return std::vector<T>(from, from + count);
}

void expect_sane(int64_t bytes, const char* what, size_t index) {
  const std::string message = format("%s %zu has a size of %lld bytes", what, index, (long long)bytes);
  if (bytes < 0) refuse(message);
  if (bytes > most_bytes) throw Failure(PHX_OUT_OF_MEMORY, message + ", which no machine has");
}

void check_value(phx_value& value, int32_t index) {
  if (value.rank < 0 || value.rank > PHX_MAX_RANK)
    refuse(format("value %d has rank %d; at most %d are possible", index, value.rank, PHX_MAX_RANK));
  if (value.dtype < 0 || value.dtype > PHX_BOOL)
    refuse(format("value %d has the unknown dtype %d", index, value.dtype));
  if (value.space < PHX_SCRATCH || value.space > PHX_CONSTANTS)
    refuse(format("value %d lies in the unknown space %d", index, value.space));
  for (int d = 0; d < value.rank; d++)
    if (value.shape[d] < 0)
      refuse(format("value %d has the negative size %lld", index, (long long)value.shape[d]));
  if (value.offset % item_bytes(value.dtype))
    refuse(format("value %d: offset %lld is no multiple of the size of %s", index, (long long)value.offset,
                  dtype_name(value.dtype)));
  // In an empty value, and along an axis of one element, a stride or offset leads nowhere and may be any number; but
  // what is computed with it later must not overflow.
  if (value.offset > 8 * most_bytes || value.offset < -8 * most_bytes)
    refuse(format("value %d has the absurd offset %lld", index, (long long)value.offset));
  const bool empty = element_count(value) == 0;
  for (int d = 0; d < value.rank; d++) {
    if (value.strides[d] <= most_bytes && value.strides[d] >= -most_bytes) continue;
    if (!empty) refuse(format("value %d has the absurd stride %lld", index, (long long)value.strides[d]));
    value.strides[d] = 0;  // an empty tensor may well have it
  }
  (void)extent_of(value);
}

void check_region(const Plan& plan, const phx_region& region, int32_t index) {
  const int64_t end = int64_t(region.first_instruction) + region.instructions;
  if (region.inputs < 0 || region.outputs < 0 || region.first_instruction < 0 || region.instructions < 0 ||
      end > int64_t(plan.instructions.size()))
    refuse(format("region %d: counts or instructions outside the plan", index));
  expect_sane(region.scratch_bytes, "the scratch of region", size_t(index));
  if (region.inputs > 1 << 20 || region.outputs > 1 << 20)
    refuse(format("region %d: too many inputs", index));
  for (int32_t i = region.first_instruction; i < end; i++) {
    const int32_t inner = plan.instructions[size_t(i)].region;
    if (inner >= index)
      refuse(format("instruction %d: its region %d must come before region %d", i, inner, index));
  }
}

void check_instruction(const Plan& plan, const phx_instruction& instruction, int32_t index) {
  const phx_instruction& x = instruction;
  if (x.inputs < 0 || x.outputs < 0 || x.first_operand < 0 ||
      int64_t(x.first_operand) + x.inputs + x.outputs > int64_t(plan.operands.size()))
    refuse(format("instruction %d: operands outside the plan", index));
  if (x.params < 0 || x.first_param < 0 || int64_t(x.first_param) + x.params > int64_t(plan.params.size()))
    refuse(format("instruction %d: params outside the plan", index));
  if (x.region < -1 || x.region >= int32_t(plan.regions.size()))
    refuse(format("instruction %d: region %d does not exist", index, x.region));
  for (int32_t k = 0; k < x.inputs + x.outputs; k++) {
    const bool may_lack = k >= x.inputs && (x.opcode == PHX_SCAN || x.opcode == PHX_MAP);
    if (!may_lack && !plan.operand(x, k)) refuse(format("instruction %d: operand %d is missing", index, k));
  }
}

// Regions run within each other on the C++ stack, where each has a list of its base pointers: plans that nest too deep
// are refused. check_region has made sure that the inner ones come first.
void check_nesting(const Plan& plan) {
  constexpr int64_t most_pointers = 1 << 16;
  struct Nest {
    int64_t depth = 0, pointers = 0;
  };
  std::vector<Nest> nests(plan.regions.size());
  for (size_t r = 0; r < nests.size(); r++) {
    const phx_region& region = plan.regions[r];
    Nest& nest = nests[r];
    for (int32_t i = 0; i < region.instructions; i++) {
      const int32_t inner = plan.instructions[size_t(region.first_instruction + i)].region;
      if (inner < 0) continue;
      nest.depth = std::max(nest.depth, nests[size_t(inner)].depth);
      nest.pointers = std::max(nest.pointers, nests[size_t(inner)].pointers);
    }
    nest.depth++;
    if (nest.depth > PHX_MAX_DEPTH)
      refuse(format("region %zu: regions lie within each other %lld deep; at most %d are possible", r,
                    (long long)nest.depth, PHX_MAX_DEPTH));
    if (r + 1 == nests.size()) return;  // the whole program's pointers are not on the stack
    nest.pointers += int64_t(region.inputs) + region.outputs;
    if (nest.pointers > most_pointers)
      refuse(format("region %zu and those within it have %lld inputs and outputs; at most %lld are possible",
                    r, (long long)nest.pointers, (long long)most_pointers));
  }
}

}  // namespace

void decode(const phx_plan& source, Plan& plan) {
  require(source.struct_size >= sizeof(phx_plan), "phx_plan.struct_size is smaller than version 1.0's");
  plan.values = copied(source.values, source.value_count, "values");
  plan.instructions = copied(source.instructions, source.instruction_count, "instructions");
  plan.operands = copied(source.operands, source.operand_count, "operands");
  plan.params = copied(source.params, source.param_count, "params");
  plan.regions = copied(source.regions, source.region_count, "regions");
  require(!plan.regions.empty(), "the plan has no region");
  for (size_t i = 0; i < plan.values.size(); i++) check_value(plan.values[i], int32_t(i));
  for (size_t i = 0; i < plan.operands.size(); i++)
    if (plan.operands[i] < -1 || plan.operands[i] >= int32_t(plan.values.size()))
      refuse(format("operand %zu names value %d of %zu", i, plan.operands[i], plan.values.size()));
  for (size_t i = 0; i < plan.regions.size(); i++) check_region(plan, plan.regions[i], int32_t(i));
  for (size_t i = 0; i < plan.instructions.size(); i++)
    check_instruction(plan, plan.instructions[i], int32_t(i));
  check_nesting(plan);
  const phx_region& whole = plan.whole_program();
  plan.input_bytes = copied(source.input_bytes, whole.inputs, "input_bytes");
  plan.output_bytes = copied(source.output_bytes, whole.outputs, "output_bytes");
  for (size_t k = 0; k < plan.input_bytes.size(); k++) expect_sane(plan.input_bytes[k], "input", k);
  for (size_t k = 0; k < plan.output_bytes.size(); k++) expect_sane(plan.output_bytes[k], "output", k);
  require(source.constant_bytes >= 0 && (source.constant_bytes == 0 || source.constants),
          "the plan has no constants");
  plan.constant_bytes = source.constant_bytes;
  plan.constants = aligned_take(source.constant_bytes);
  if (source.constant_bytes) std::memcpy(plan.constants, source.constants, size_t(source.constant_bytes));
}

}  // namespace phynexus
