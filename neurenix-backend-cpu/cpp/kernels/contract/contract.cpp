// The table of the contraction kernels of one instruction set.
#include "contract.h"

#include "convolution.h"
#include "matmul.h"
#include "../movement/transpose.h"

namespace phynexus::PHYNEXUS_ISA {

extern const ContractKernels contract_kernels = {
    contract::decide_matmul<float>,
    contract::decide_matmul<double>,
    contract::copy_matrix<float>,
    contract::matmul<float>,
    contract::matmul<double>,
    contract::convolution<float>,
    contract::convolution<double>,
    contract::convolution_input_gradient<float>,
    contract::convolution_input_gradient<double>,
    contract::convolution_weight_gradient<float>,
    contract::convolution_weight_gradient<double>,
};

}  // namespace phynexus::PHYNEXUS_ISA
