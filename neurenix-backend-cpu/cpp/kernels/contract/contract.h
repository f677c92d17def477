// The interface of matrix products and convolutions. One translation unit each, compiled once for each instruction set,
// in a namespace of that set (PHYNEXUS_ISA).
#pragma once

#include <cstdint>

#include "engine/layout/contraction_layout.h"

namespace phynexus {

// Runs work(i) for i in [0, count), possibly on several threads, and returns when all are done. `count` is chosen by
// the kernel from sizes alone, never from the number of threads, so that results do not depend on it.
struct Team {
  virtual void run(int64_t count, void (*work)(void* context, int64_t index, int worker), void* context) = 0;
  virtual int workers() const = 0;  // worker is in [0, workers())
  virtual void* workspace(int worker,
                          int64_t bytes) = 0;  // 64-byte aligned; valid until the next call for that worker
  // One block beside the workers' own, for what all of them read (packed weights, partial sums): asked for outside
  // run(), by its caller; 64-byte aligned; valid until the next such call.
  virtual void* shared_workspace(int64_t bytes) = 0;

 protected:
  ~Team() = default;
};

struct MatmulProblem : MatmulLayout {
  // How to multiply, as decide_matmul_... chose from the sizes; `exchanged`: lhs and rhs have changed places.
  enum Way : int32_t { undecided, by_dots, in_place, packed_once, packed_each, packed_blocks };
  Way way = undecided;
  bool exchanged = false;
};

struct ConvolutionProblem : ConvolutionLayout {
  // Whether float32 goes by Winograd's algorithm. The last is for tests: it is possible for more than it pays for.
  enum Winograd : int32_t { never, where_it_pays, where_possible };
  Winograd winograd = where_it_pays;
};

struct ContractKernels {
  // A problem whose way is decided once, for callers that multiply often.
  MatmulProblem (*decide_matmul_f32)(const MatmulProblem&);
  MatmulProblem (*decide_matmul_f64)(const MatmulProblem&);
  // to[r * to_stride + c] = from[r * row_stride + c * column_stride]: an operand whose rows are to be dense.
  void (*copy_matrix_f32)(const float* from, int64_t row_stride, int64_t column_stride, float* to,
                          int64_t to_stride, int64_t rows, int64_t columns);
  void (*matmul_f32)(const MatmulProblem&, const float* lhs, const float* rhs, float* out, Team&);
  void (*matmul_f64)(const MatmulProblem&, const double* lhs, const double* rhs, double* out, Team&);
  void (*convolution_f32)(const ConvolutionProblem&, const float* x, const float* weight, float* out, Team&);
  void (*convolution_f64)(const ConvolutionProblem&, const double* x, const double* weight, double* out,
                          Team&);
  void (*convolution_input_gradient_f32)(const ConvolutionProblem&, const float* g, const float* weight,
                                         float* x, Team&);
  void (*convolution_input_gradient_f64)(const ConvolutionProblem&, const double* g, const double* weight,
                                         double* x, Team&);
  void (*convolution_weight_gradient_f32)(const ConvolutionProblem&, const float* x, const float* g,
                                          float* weight, Team&);
  void (*convolution_weight_gradient_f64)(const ConvolutionProblem&, const double* x, const double* g,
                                          double* weight, Team&);
};

namespace portable {
extern const ContractKernels contract_kernels;
}
namespace avx2 {
extern const ContractKernels contract_kernels;
}
namespace avx512 {
extern const ContractKernels contract_kernels;
}

}  // namespace phynexus
