// PHX_DOT_GENERAL and the convolutions of any rank, as loops around the few axes that a kernel knows.
#pragma once

#include <vector>

#include "../plan/instructions.h"
#include "axes.h"
#include "contraction_layout.h"

namespace phynexus {

// The index of an operand's stride in the axes of an Arrangement.
enum ContractionOperand { of_out = 0, of_lhs = 1, of_rhs = 2 };

// One way to run a product: perhaps with dense copies of the operands, as loops around matrix products.
struct Arrangement {
  bool copy_lhs = false, copy_rhs = false;
  MatmulLayout product{};
  std::vector<Axis> outer;  // the loops; strides in elements
};

// The cheapest way, where nothing is empty.
Arrangement arrange_dot(const phx_value& lhs, const phx_value& rhs, const phx_value& out, const Dot& axes);

// A value of the same shape, row-major and without gaps.
phx_value dense_copy(const phx_value& value);

// A convolution's or its gradients' sizes and strides, without the batch axes, which are loops around it.
ConvolutionLayout convolution_layout(const Plan& plan, const phx_instruction& instruction);

}  // namespace phynexus
