// A librocblas for tests: AMD's functions over the fake runtime's streams, by the loops of the fake cuBLAS.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "fake_control.h"
#include "products/fake_product.h"
#include "rocblas_api.h"

using namespace phynexus::hip;
using namespace phynexus::fake;

namespace phynexus::hip {
struct RocblasHandleStruct {
  HipStreamHandle* stream = nullptr;
  char* workspace = nullptr;
  size_t bytes = 0;
  bool atomics = true;
};
}  // namespace phynexus::hip

// Those of lost devices are never destroyed.
static std::mutex mutex;
static std::vector<std::unique_ptr<RocblasHandleStruct>> handles;

// Each function begins with it.
#define BEGIN(name) \
  if (const int failed = phynexus_fake_begin(#name); failed != 0) return RocblasStatus(failed)

static Number number_of(RocblasType type) {
  return type == rocblas_float16    ? Number::float16
         : type == rocblas_bfloat16 ? Number::bfloat16
                                    : Number::float32;
}

#pragma GCC visibility push(default)
extern "C" {

// Declared before they are defined, so that a parameter that differs from the table's is an error.
#define X(name, parameters) RocblasStatus name parameters;
PHYNEXUS_ROCBLAS_FUNCTIONS(X)
#undef X

const char* rocblas_status_to_string(RocblasStatus status) {
  switch (status) {
    case rocblas_success: return "rocblas_status_success";
    case rocblas_not_implemented: return "rocblas_status_not_implemented";
    case rocblas_memory_error: return "rocblas_status_memory_error";
    case rocblas_internal_error: return "rocblas_status_internal_error";
    case rocblas_perf_degraded: return "rocblas_status_perf_degraded";
  }
  return "unknown";
}

RocblasStatus rocblas_get_version_string(char* text, size_t room) {
  std::strncpy(text, "4.3.0.fake", room);
  return rocblas_success;
}

RocblasStatus rocblas_create_handle(RocblasHandle* handle) {
  BEGIN(rocblas_create_handle);
  std::lock_guard lock(mutex);
  *handle = handles.emplace_back(std::make_unique<RocblasHandleStruct>()).get();
  return rocblas_success;
}

RocblasStatus rocblas_destroy_handle(RocblasHandle handle) {
  BEGIN(rocblas_destroy_handle);
  std::lock_guard lock(mutex);
  std::erase_if(handles, [&](const auto& each) { return each.get() == handle; });
  return rocblas_success;
}

RocblasStatus rocblas_set_stream(RocblasHandle handle, HipStreamHandle* stream) {
  BEGIN(rocblas_set_stream);
  handle->stream = stream;
  return rocblas_success;
}

RocblasStatus rocblas_set_workspace(RocblasHandle handle, void* workspace, size_t bytes) {
  BEGIN(rocblas_set_workspace);
  handle->workspace = static_cast<char*>(workspace);
  handle->bytes = bytes;
  return rocblas_success;
}

RocblasStatus rocblas_set_atomics_mode(RocblasHandle handle, RocblasAtomics mode) {
  BEGIN(rocblas_set_atomics_mode);
  handle->atomics = mode != rocblas_no_atomics;
  return rocblas_success;
}

RocblasStatus rocblas_gemm_strided_batched_ex(
    RocblasHandle handle, RocblasOperation of_a, RocblasOperation of_b, int32_t m, int32_t n, int32_t k,
    const void* alpha, const void* a, RocblasType a_type, int32_t a_line, int64_t a_batch, const void* b,
    RocblasType b_type, int32_t b_line, int64_t b_batch, const void* beta, const void* c, RocblasType c_type,
    int32_t c_line, int64_t c_batch, void* d, RocblasType d_type, int32_t d_line, int64_t d_batch,
    int32_t batch, RocblasType compute, RocblasAlgorithm algorithm, int32_t solution, uint32_t flags) {
  BEGIN(rocblas_gemm_strided_batched_ex);
  // What the engine promises of its calls: a workspace of its own, no atomics, halves, nothing added to.
  if (!handle->stream || !handle->bytes || handle->atomics || a_type != b_type || a_type == rocblas_float32 ||
      c != d || c_type != d_type || c_line != d_line || c_batch != d_batch || compute != rocblas_float32 ||
      (d_type != a_type && (d_type != rocblas_float32 || a_type != rocblas_bfloat16)) ||
      *static_cast<const float*>(alpha) != 1 || *static_cast<const float*>(beta) != 0 ||
      algorithm != rocblas_standard_algorithm || solution || flags)
    return rocblas_not_implemented;
  Gemm gemm;
  gemm.factors = number_of(a_type), gemm.number = number_of(d_type);
  gemm.turn_a = of_a == rocblas_transposed, gemm.turn_b = of_b == rocblas_transposed;
  gemm.m = m, gemm.n = n, gemm.k = k, gemm.batch = batch;
  gemm.a = static_cast<const char*>(a), gemm.b = static_cast<const char*>(b), gemm.c = static_cast<char*>(d);
  gemm.a_line = a_line, gemm.b_line = b_line, gemm.c_line = d_line;
  gemm.a_batch = a_batch, gemm.b_batch = b_batch, gemm.c_batch = d_batch;
  gemm.workspace = handle->workspace, gemm.workspace_bytes = int64_t(handle->bytes);
  if (!gemm.is_valid()) return rocblas_internal_error;
  void* const kept = std::malloc(sizeof gemm);
  phynexus_fake_enqueue(
      handle->stream, [](void* data) { static_cast<const Gemm*>(data)->run(); }, new (kept) Gemm(gemm));
  return rocblas_success;
}
}
#pragma GCC visibility pop
