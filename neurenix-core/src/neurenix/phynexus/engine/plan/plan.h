// The engine's own copy of a plan, with small helpers to read it.
#pragma once

#include <phynexus.h>

#include <cstdint>
#include <vector>

#include "../host_memory.h"

namespace phynexus {

inline constexpr int32_t item_bytes(int32_t dtype) {
  switch (dtype) {
    case PHX_UINT8:
    case PHX_BOOL: return 1;
    case PHX_FLOAT16:
    case PHX_BFLOAT16: return 2;
    case PHX_FLOAT64:
    case PHX_INT64: return 8;
    default: return 4;
  }
}

const char* dtype_name(int32_t dtype);
const char* opcode_name(int32_t opcode);
// The number of operands of an elementwise opcode; 0 for any other opcode.
int arity(int64_t opcode);

// Byte offsets from a base: [low, high). Empty where low >= high. `alignment`: of what is read or written
// there.
struct Extent {
  int64_t low = 0, high = 0, alignment = 1;
  bool empty() const { return low >= high; }
  void cover(Extent other);
};

// The bytes that a region touches behind each of its base pointers.
struct Needs {
  std::vector<Extent> inputs, outputs;
};

struct Plan {
  std::vector<phx_value> values;
  std::vector<phx_instruction> instructions;
  std::vector<int32_t> operands;
  std::vector<int64_t> params;
  std::vector<phx_region> regions;
  std::vector<int64_t> input_bytes, output_bytes;
  std::vector<Needs> needs;  // of each region
  std::vector<bool> apart;   // of each region: whether its outputs never lie where its inputs do
  char* constants = nullptr;
  int64_t constant_bytes = 0;

  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() { aligned_give(constants); }

  // Null for -1, an output that nobody reads.
  const phx_value* operand(const phx_instruction& instruction, int64_t k) const {
    const int32_t index = operands[size_t(instruction.first_operand + k)];
    return index < 0 ? nullptr : &values[size_t(index)];
  }
  const phx_value& input(const phx_instruction& instruction, int64_t k) const {
    return *operand(instruction, k);
  }
  const phx_value& output(const phx_instruction& instruction, int64_t k) const {
    return *operand(instruction, instruction.inputs + k);
  }
  const phx_region& whole_program() const { return regions.back(); }
};

int64_t element_count(const phx_value& value);
// Row-major without gaps, axes of one element aside.
bool is_dense(const phx_value& value);
// The bytes that a view touches, from the base that its offset counts from.
Extent extent_of(const phx_value& value);

// Copies the arrays and checks every index, so that what follows can read them freely.
void decode(const phx_plan& source, Plan& plan);
// Checks what every instruction says, and that no view leaves its memory, for any engine. Throws Failure. What an
// engine does not declare is refused in declared.h; what else it lacks, such as an opcode for one dtype, by itself.
void validate(Plan& plan);
std::vector<Needs> validate_bounds(const Plan& plan);
// Whether two values of a region may share memory.
bool may_share_memory(const phx_value& a, const phx_value& b, bool region_apart);
std::vector<bool> outputs_apart(const Plan& plan);

}  // namespace phynexus
