// Convolutions of float32 with kernels of 3 by 3, stride 1, by Winograd's F(2x2, 3x3): 2.25 times fewer
// multiplications than the plain sum, and rounding errors of about the same size. A NaN or infinity in an
// operand makes every result of the tiles that it touches NaN, where the plain sum spoils only those that
// read it.
#pragma once

#include "contract.h"

namespace phynexus::PHYNEXUS_ISA::contract {

enum class Convolution { forward, input_gradient, weight_gradient };

// Whether Winograd's algorithm is used: where it is allowed, possible and, by sizes alone, faster.
bool by_winograd(const ConvolutionProblem& problem, Convolution which);

void winograd_convolution(const ConvolutionProblem& problem, const float* x, const float* weight, float* out,
                          Team& team);
void winograd_input_gradient(const ConvolutionProblem& problem, const float* g, const float* weight, float* x,
                             Team& team);
void winograd_weight_gradient(const ConvolutionProblem& problem, const float* x, const float* g,
                              float* weight, Team& team);

}  // namespace phynexus::PHYNEXUS_ISA::contract
