// Holds cublas_api.h against NVIDIA's header: it is enough that this compiles.
#include "cublas_api.h"

#include <cublas_v2.h>

#include "alike.h"

using namespace phynexus::cuda;

namespace {

// The header has another function of that name, for old numbers of how to compute: this is the library's.
using Gemm = cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int,
                                const void*, const void*, cudaDataType, int, long long, const void*,
                                cudaDataType, int, long long, const void*, void*, cudaDataType, int,
                                long long, int, cublasComputeType_t, cublasGemmAlgo_t);
constexpr Gemm theirs = &::cublasGemmStridedBatchedEx;

#define SAME_CALL(ours, function) \
  static_assert(Alike<decltype(CublasApi::ours), std::remove_const_t<decltype(function)>>::value, #ours)
SAME_CALL(cublasGetProperty, &::cublasGetProperty);
SAME_CALL(cublasCreate_v2, &::cublasCreate_v2);
SAME_CALL(cublasDestroy_v2, &::cublasDestroy_v2);
SAME_CALL(cublasSetStream_v2, &::cublasSetStream_v2);
SAME_CALL(cublasSetWorkspace_v2, &::cublasSetWorkspace_v2);
SAME_CALL(cublasSetMathMode, &::cublasSetMathMode);
SAME_CALL(cublasGemmStridedBatchedEx, theirs);
SAME_CALL(cublasGetStatusName, &::cublasGetStatusName);

#define SAME(ours, theirs) static_assert(int(ours) == int(theirs))
SAME(cublas_success, CUBLAS_STATUS_SUCCESS);
SAME(cublas_not_initialized, CUBLAS_STATUS_NOT_INITIALIZED);
SAME(cublas_alloc_failed, CUBLAS_STATUS_ALLOC_FAILED);
SAME(cublas_invalid_value, CUBLAS_STATUS_INVALID_VALUE);
SAME(cublas_arch_mismatch, CUBLAS_STATUS_ARCH_MISMATCH);
SAME(cublas_execution_failed, CUBLAS_STATUS_EXECUTION_FAILED);
SAME(cublas_not_supported, CUBLAS_STATUS_NOT_SUPPORTED);
SAME(cublas_as_it_is, CUBLAS_OP_N);
SAME(cublas_transposed, CUBLAS_OP_T);
SAME(cublas_float32, CUDA_R_32F);
SAME(cublas_float16, CUDA_R_16F);
SAME(cublas_bfloat16, CUDA_R_16BF);
SAME(cublas_compute_float32, CUBLAS_COMPUTE_32F);
SAME(cublas_compute_bfloat16, CUBLAS_COMPUTE_32F_FAST_16BF);
SAME(cublas_compute_tf32, CUBLAS_COMPUTE_32F_FAST_TF32);
SAME(cublas_sums_in_float32, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
SAME(cublas_default_algorithm, CUBLAS_GEMM_DEFAULT);
SAME(cublas_major, MAJOR_VERSION);
SAME(cublas_minor, MINOR_VERSION);
SAME(cublas_patch, PATCH_LEVEL);

}  // namespace

int main() { return 0; }
