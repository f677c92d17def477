// A placed chain, some of whose operations are machine code.
#pragma once

#include <variant>

#include "../../codegen/x86/chain/code.h"
#include "placed.h"

namespace phynexus::fused {

struct Coded {
  Placed placed;                                   // its operations are those that are left to kernels
  std::vector<std::variant<size_t, Code>> pieces;  // in their order: the number of such an operation, or code
};

Coded in_kernels(Placed placed);
// By rows where that helps, else element after element.
Coded in_code(const Placed& placed, const std::vector<Value>& values, const Blocks& blocks,
              x86::Extension extension);

// Parts of in_code.
std::optional<Coded> code_by_rows(const Placed& placed, const std::vector<Value>& values,
                                  const Blocks& blocks, x86::Extension extension);
Coded code_by_elements(const Placed& placed, const Blocks& blocks, x86::Extension extension);
// What is read when all operations have run.
std::vector<Location> read_after(const Placed& placed);
// Operations of one element for the whole block depend on nothing else and come first; kernels do them.
struct Parted {
  std::vector<PlacedOperation> single, rest;
};
Parted part(const std::vector<PlacedOperation>& operations);
// `placed` without the registers that neither it nor the code needs.
Coded compact(Coded coded, const Blocks& blocks);

}  // namespace phynexus::fused
