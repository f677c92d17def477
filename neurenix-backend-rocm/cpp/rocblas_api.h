// The functions of rocBLAS that the engine calls, as types: found by name when the program runs. Numbers and parameters
// are those of rocblas-types.h, rocblas-auxiliary.h and rocblas-functions.h of ROCm 5 to 7.
#pragma once

#include <cstddef>
#include <cstdint>

namespace phynexus::hip {

struct RocblasHandleStruct;
using RocblasHandle = RocblasHandleStruct*;
struct HipStreamHandle;

enum RocblasStatus : int {
  rocblas_success = 0,
  rocblas_not_implemented = 2,
  rocblas_memory_error = 5,
  rocblas_internal_error = 6,
  rocblas_perf_degraded = 7,  // computed, with less memory than it would like
};

enum RocblasOperation : int { rocblas_as_it_is = 111, rocblas_transposed = 112 };
enum RocblasType : int { rocblas_float16 = 150, rocblas_float32 = 151, rocblas_bfloat16 = 168 };
enum RocblasAtomics : int { rocblas_no_atomics = 0 };
enum RocblasAlgorithm : int { rocblas_standard_algorithm = 0 };

// X(name, parameters)
#define PHYNEXUS_ROCBLAS_FUNCTIONS(X)                                                                      \
  X(rocblas_get_version_string, (char* text, size_t room))                                                 \
  X(rocblas_create_handle, (RocblasHandle * handle))                                                       \
  X(rocblas_destroy_handle, (RocblasHandle handle))                                                        \
  X(rocblas_set_stream, (RocblasHandle handle, HipStreamHandle * stream))                                  \
  X(rocblas_set_workspace, (RocblasHandle handle, void* workspace, size_t bytes))                          \
  X(rocblas_set_atomics_mode, (RocblasHandle handle, RocblasAtomics mode))                                 \
  X(rocblas_gemm_strided_batched_ex,                                                                       \
    (RocblasHandle handle, RocblasOperation of_a, RocblasOperation of_b, int32_t m, int32_t n, int32_t k,  \
     const void* alpha, const void* a, RocblasType a_type, int32_t a_line, int64_t a_batch, const void* b, \
     RocblasType b_type, int32_t b_line, int64_t b_batch, const void* beta, const void* c,                 \
     RocblasType c_type, int32_t c_line, int64_t c_batch, void* d, RocblasType d_type, int32_t d_line,     \
     int64_t d_batch, int32_t batch, RocblasType compute, RocblasAlgorithm algorithm, int32_t solution,    \
     uint32_t flags))

struct RocblasApi {
#define X(name, parameters) RocblasStatus(*name) parameters = nullptr;
  PHYNEXUS_ROCBLAS_FUNCTIONS(X)
#undef X
  const char* (*rocblas_status_to_string)(RocblasStatus status) = nullptr;
};

}  // namespace phynexus::hip
