// A libcublas for tests: NVIDIA's functions over the fake driver's streams, by loops.
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "cublas_api.h"
#include "fake_control.h"
#include "fake_product.h"

using namespace phynexus::cuda;
using namespace phynexus::fake;

namespace phynexus::cuda {
struct CublasHandleStruct {
  CuStreamHandle* stream = nullptr;
  char* workspace = nullptr;
  size_t bytes = 0;
  int mode = 0;
};
}  // namespace phynexus::cuda

// Those of lost devices are never destroyed, as with NVIDIA's.
static std::mutex mutex;
static std::vector<std::unique_ptr<CublasHandleStruct>> handles;

// Each function begins with it. A test gives statuses of cuBLAS; the driver's errors are above them.
#define BEGIN(name)                                               \
  if (const int failed = phynexus_fake_begin(#name); failed != 0) \
  return failed < 100 ? CublasStatus(failed) : cublas_execution_failed

#pragma GCC visibility push(default)
extern "C" {

// Declared before they are defined, so that a parameter that differs from the table's is an error.
#define X(name, parameters) CublasStatus name parameters;
PHYNEXUS_CUBLAS_FUNCTIONS(X)
#undef X

const char* cublasGetStatusName(CublasStatus status) {
  switch (status) {
    case cublas_success: return "CUBLAS_STATUS_SUCCESS";
    case cublas_not_initialized: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case cublas_alloc_failed: return "CUBLAS_STATUS_ALLOC_FAILED";
    case cublas_invalid_value: return "CUBLAS_STATUS_INVALID_VALUE";
    case cublas_arch_mismatch: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case cublas_execution_failed: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case cublas_not_supported: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "unknown";
}

CublasStatus cublasGetProperty(CublasProperty property, int* value) {
  *value = property == cublas_major ? 13 : property == cublas_minor ? 1 : 2;
  return cublas_success;
}

CublasStatus cublasCreate_v2(CublasHandle* handle) {
  BEGIN(cublasCreate_v2);
  std::lock_guard lock(mutex);
  *handle = handles.emplace_back(std::make_unique<CublasHandleStruct>()).get();
  return cublas_success;
}

CublasStatus cublasDestroy_v2(CublasHandle handle) {
  BEGIN(cublasDestroy_v2);
  std::lock_guard lock(mutex);
  std::erase_if(handles, [&](const auto& each) { return each.get() == handle; });
  return cublas_success;
}

// With another stream a handle has no workspace of the user's any more.
CublasStatus cublasSetStream_v2(CublasHandle handle, CuStreamHandle* stream) {
  BEGIN(cublasSetStream_v2);
  handle->stream = stream;
  handle->bytes = 0;
  return cublas_success;
}

CublasStatus cublasSetWorkspace_v2(CublasHandle handle, void* workspace, size_t bytes) {
  BEGIN(cublasSetWorkspace_v2);
  if (reinterpret_cast<size_t>(workspace) % 256) return cublas_invalid_value;
  handle->workspace = static_cast<char*>(workspace);
  handle->bytes = bytes;
  return cublas_success;
}

CublasStatus cublasSetMathMode(CublasHandle handle, CublasMath mode) {
  BEGIN(cublasSetMathMode);
  handle->mode = mode;
  return cublas_success;
}

CublasStatus cublasGemmStridedBatchedEx(CublasHandle handle, CublasOperation of_a, CublasOperation of_b,
                                        int m, int n, int k, const void* alpha, const void* a,
                                        CublasType a_type, int a_line, long long a_batch, const void* b,
                                        CublasType b_type, int b_line, long long b_batch, const void* beta,
                                        void* c, CublasType c_type, int c_line, long long c_batch, int batch,
                                        CublasCompute compute, CublasAlgorithm algorithm) {
  BEGIN(cublasGemmStridedBatchedEx);
  const bool halves = a_type != cublas_float32;
  // What the engine promises of its calls: a workspace of its own, sums in float32, nothing added to.
  if (!handle->stream || !handle->bytes || handle->mode != cublas_sums_in_float32 || a_type != b_type ||
      a_type != c_type || *static_cast<const float*>(alpha) != 1 || *static_cast<const float*>(beta) != 0 ||
      algorithm != cublas_default_algorithm || halves != (compute == cublas_compute_float32))
    return cublas_not_supported;
  Gemm gemm;
  gemm.number = a_type == cublas_float16 ? Number::float16 : halves ? Number::bfloat16 : Number::float32;
  gemm.factors = gemm.number;
  gemm.rounding = halves                           ? Rounding::none
                  : compute == cublas_compute_tf32 ? Rounding::tf32
                                                   : Rounding::bfloat16;
  gemm.turn_a = of_a == cublas_transposed, gemm.turn_b = of_b == cublas_transposed;
  gemm.m = m, gemm.n = n, gemm.k = k, gemm.batch = batch;
  gemm.a = static_cast<const char*>(a), gemm.b = static_cast<const char*>(b), gemm.c = static_cast<char*>(c);
  gemm.a_line = a_line, gemm.b_line = b_line, gemm.c_line = c_line;
  gemm.a_batch = a_batch, gemm.b_batch = b_batch, gemm.c_batch = c_batch;
  gemm.workspace = handle->workspace, gemm.workspace_bytes = int64_t(handle->bytes);
  if (!gemm.is_valid()) return cublas_invalid_value;
  void* const kept = std::malloc(sizeof gemm);
  phynexus_fake_enqueue(
      handle->stream, [](void* data) { static_cast<const Gemm*>(data)->run(); }, new (kept) Gemm(gemm));
  return cublas_success;
}
}
#pragma GCC visibility pop
