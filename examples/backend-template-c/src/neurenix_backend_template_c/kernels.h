// The kernels: a plain loop over strided views for each opcode.
#pragma once

#include "engine/plan/plan.h"
#include "engine/run/lowering.h"

namespace template_c {

// An instruction made ready: its views, and where each lies.
struct Kernel final : phynexus::Step {
  Kernel(const phynexus::PlanLowering& lowering, const phx_instruction& instruction);
  void run(const phynexus::Frame& frame) const override;

  int32_t opcode;
  int inputs, outputs;
  const int64_t* params;                // the plan's, which lives as long as the executable
  std::vector<phx_value> views;         // of the inputs, then of the outputs
  std::vector<phynexus::Place> places;  // the same
};

// The opcodes of instructions that a Kernel runs.
bool has_kernel(int32_t opcode);

}  // namespace template_c
