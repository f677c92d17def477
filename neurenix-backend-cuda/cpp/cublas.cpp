// Opens cuBLAS and multiplies with it.
#include "cublas.h"

#include <dlfcn.h>
#include <phynexus.h>

#include "cublas_api.h"
#include "gpu/codegen/process_compiler.h"
#include "gpu/driver/named_library.h"

namespace phynexus::cuda {
namespace {

constexpr const char* variable = "NEURENIX_CUBLAS";
constexpr const char* without = "; NEURENIX_CUBLAS=0 leaves products to Neurenix's own kernels";

[[noreturn]] void fail(const CublasApi& api, const char* function, CublasStatus status) {
  std::string message = format("%s failed: %s (%d)", function, api.cublasGetStatusName(status), int(status));
  if (status == cublas_arch_mismatch || status == cublas_not_supported)
    message += "; this cuBLAS may be older than the card: install a newer one";
  throw gpu::DriverFailure(status == cublas_alloc_failed ? PHX_OUT_OF_MEMORY : PHX_DEVICE_ERROR,
                           message + without, false);
}

#define CALL(function, ...)                                                                          \
  if (const CublasStatus status = api_.function(__VA_ARGS__); status != cublas_success) [[unlikely]] \
  fail(api_, #function, status)

CublasHandle vendor(gpu::Products x) { return reinterpret_cast<CublasHandle>(x); }

CublasType type_of(int32_t dtype) {
  return dtype == PHX_FLOAT16 ? cublas_float16 : dtype == PHX_BFLOAT16 ? cublas_bfloat16 : cublas_float32;
}

CublasCompute compute_of(const gpu::MatrixProduct& x) {
  if (x.factors != PHX_FLOAT32 || x.precision == PHX_PRODUCTS_FLOAT32) return cublas_compute_float32;
  return x.precision == PHX_PRODUCTS_TF32 ? cublas_compute_tf32 : cublas_compute_bfloat16;
}

class Cublas final : public gpu::ProductLibrary {
 public:
  Cublas(const CublasApi& api, std::string name) : api_(api), name_(std::move(name)) {}

  std::string name() const override { return name_; }
  // What NVIDIA recommends for Hopper; cards before it need less.
  int64_t workspace_bytes() const override { return int64_t(32) << 20; }

  gpu::Products open(gpu::Stream stream, char* workspace) override {
    CublasHandle handle = nullptr;
    CALL(cublasCreate_v2, &handle);
    const auto products = reinterpret_cast<gpu::Products>(handle);
    try {
      // The stream first: with another one the library goes back to a workspace of its own.
      CALL(cublasSetStream_v2, handle, reinterpret_cast<CuStreamHandle*>(stream));
      CALL(cublasSetWorkspace_v2, handle, workspace, size_t(workspace_bytes()));
      CALL(cublasSetMathMode, handle, cublas_sums_in_float32);
    } catch (...) {
      close(products);
      throw;
    }
    return products;
  }

  void close(gpu::Products products) noexcept override { api_.cublasDestroy_v2(vendor(products)); }

  // Rows are cuBLAS's columns: out' = b' a', where a matrix by rows is its own transpose by columns.
  void multiply(gpu::Products products, const gpu::MatrixProduct& x, char* out, const char* a,
                const char* b) override {
    const auto operation = [](const gpu::MatrixLayout& m) {
      return m.turned ? cublas_transposed : cublas_as_it_is;
    };
    const CublasType type = type_of(x.factors);
    const float one = 1, none = 0;
    CALL(cublasGemmStridedBatchedEx, vendor(products), operation(x.b), operation(x.a), int(x.columns),
         int(x.rows), int(x.terms), &one, b, type, int(x.b.line), x.b.batch, a, type, int(x.a.line),
         x.a.batch, &none, out, type, int(x.out.line), x.out.batch, int(x.batch), compute_of(x),
         cublas_default_algorithm);
  }

 private:
  const CublasApi api_;
  const std::string name_;
};

// Empty where it has them all; else the first that it lacks.
std::string look_up(void* library, CublasApi& api) {
  std::string missing;
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (!function && missing.empty()) missing = name;
  };
#define X(name, parameters) find(#name, api.name);
  PHYNEXUS_CUBLAS_FUNCTIONS(X)
#undef X
  find("cublasGetStatusName", api.cublasGetStatusName);
  return missing;
}

std::string version_of(const CublasApi& api) {
  std::string text;
  for (const CublasProperty part : {cublas_major, cublas_minor, cublas_patch}) {
    int number = 0;
    api.cublasGetProperty(part, &number);
    text += (text.empty() ? "" : ".") + std::to_string(number);
  }
  return text;
}

}  // namespace

bool wants_cublas() { return gpu::wants_library(variable); }

std::unique_ptr<gpu::ProductLibrary> find_cublas(std::string& why) {
  void* const library = gpu::open_library(variable, {PHYNEXUS_CUBLAS}, "cuBLAS", why);
  if (!library) return nullptr;
  CublasApi api;
  const std::string missing = look_up(library, api);
  if (!missing.empty()) {
    why = "the cuBLAS that is found lacks the function " + missing;
    dlclose(library);
    return nullptr;
  }
  return std::make_unique<Cublas>(api,
                                  "cuBLAS " + version_of(api) + " (" + gpu::path_of_library(library) + ")");
}

}  // namespace phynexus::cuda
