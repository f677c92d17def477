// Matrix products of one instruction set.
#pragma once

#include "contract.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template <class T>
MatmulProblem decide_matmul(const MatmulProblem& problem);
template <class T>
void matmul(const MatmulProblem& problem, const T* lhs, const T* rhs, T* out, Team& team);

extern template MatmulProblem decide_matmul<float>(const MatmulProblem&);
extern template MatmulProblem decide_matmul<double>(const MatmulProblem&);
extern template void matmul<float>(const MatmulProblem&, const float*, const float*, float*, Team&);
extern template void matmul<double>(const MatmulProblem&, const double*, const double*, double*, Team&);

}  // namespace phynexus::PHYNEXUS_ISA::contract
