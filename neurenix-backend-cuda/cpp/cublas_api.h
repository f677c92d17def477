// The functions of cuBLAS that the engine calls, as types: found by name when the program runs, so that neither NVIDIA's
// header nor its library is needed to build. tests/cublas_header_test.cpp holds them against the header.
#pragma once

#include <cstddef>

namespace phynexus::cuda {

struct CublasHandleStruct;
using CublasHandle = CublasHandleStruct*;
struct CuStreamHandle;

enum CublasStatus : int {
  cublas_success = 0,
  cublas_not_initialized = 1,
  cublas_alloc_failed = 3,
  cublas_invalid_value = 7,
  cublas_arch_mismatch = 8,
  cublas_execution_failed = 13,
  cublas_not_supported = 15,
};

enum CublasOperation : int { cublas_as_it_is = 0, cublas_transposed = 1 };
enum CublasType : int { cublas_float32 = 0, cublas_float16 = 2, cublas_bfloat16 = 14 };  // cudaDataType
enum CublasCompute : int {
  cublas_compute_float32 = 68,
  cublas_compute_bfloat16 = 75,  // of float32, whose factors may become bfloat16
  cublas_compute_tf32 = 77,
};
enum CublasMath : int { cublas_sums_in_float32 = 16 };  // CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION
enum CublasAlgorithm : int { cublas_default_algorithm = -1 };
enum CublasProperty : int { cublas_major = 0, cublas_minor = 1, cublas_patch = 2 };  // libraryPropertyType

// X(name, parameters)
#define PHYNEXUS_CUBLAS_FUNCTIONS(X)                                                                    \
  X(cublasGetProperty, (CublasProperty property, int* value))                                           \
  X(cublasCreate_v2, (CublasHandle * handle))                                                           \
  X(cublasDestroy_v2, (CublasHandle handle))                                                            \
  X(cublasSetStream_v2, (CublasHandle handle, CuStreamHandle * stream))                                 \
  X(cublasSetWorkspace_v2, (CublasHandle handle, void* workspace, size_t bytes))                        \
  X(cublasSetMathMode, (CublasHandle handle, CublasMath mode))                                          \
  X(cublasGemmStridedBatchedEx,                                                                         \
    (CublasHandle handle, CublasOperation of_a, CublasOperation of_b, int m, int n, int k,              \
     const void* alpha, const void* a, CublasType a_type, int a_line, long long a_batch, const void* b, \
     CublasType b_type, int b_line, long long b_batch, const void* beta, void* c, CublasType c_type,    \
     int c_line, long long c_batch, int batch, CublasCompute compute, CublasAlgorithm algorithm))

struct CublasApi {
#define X(name, parameters) CublasStatus(*name) parameters = nullptr;
  PHYNEXUS_CUBLAS_FUNCTIONS(X)
#undef X
  const char* (*cublasGetStatusName)(CublasStatus status) = nullptr;
};

}  // namespace phynexus::cuda
