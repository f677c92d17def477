// Convolutions and their two gradients, of one instruction set.
#pragma once

#include "contract.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template <class T>
void convolution(const ConvolutionProblem& problem, const T* x, const T* weight, T* out, Team& team);
// g has the shape and strides of out.
template <class T>
void convolution_input_gradient(const ConvolutionProblem& problem, const T* g, const T* weight, T* x,
                                Team& team);
template <class T>
void convolution_weight_gradient(const ConvolutionProblem& problem, const T* x, const T* g, T* weight,
                                 Team& team);

extern template void convolution<float>(const ConvolutionProblem&, const float*, const float*, float*, Team&);
extern template void convolution<double>(const ConvolutionProblem&, const double*, const double*, double*,
                                         Team&);
extern template void convolution_input_gradient<float>(const ConvolutionProblem&, const float*, const float*,
                                                       float*, Team&);
extern template void convolution_input_gradient<double>(const ConvolutionProblem&, const double*,
                                                        const double*, double*, Team&);
extern template void convolution_weight_gradient<float>(const ConvolutionProblem&, const float*, const float*,
                                                        float*, Team&);
extern template void convolution_weight_gradient<double>(const ConvolutionProblem&, const double*,
                                                         const double*, double*, Team&);

}  // namespace phynexus::PHYNEXUS_ISA::contract
