// Opens rocBLAS and multiplies with it.
#include "rocblas.h"

#include <dlfcn.h>
#include <phynexus.h>

#include "gpu/codegen/process_compiler.h"
#include "gpu/driver/named_library.h"
#include "rocblas_api.h"

namespace phynexus::hip {
namespace {

constexpr const char* variable = "NEURENIX_ROCBLAS";

[[noreturn]] void fail(const RocblasApi& api, const char* function, RocblasStatus status) {
  const std::string message =
      format("%s failed: %s (%d); NEURENIX_ROCBLAS=0 leaves products to Neurenix's own kernels", function,
             api.rocblas_status_to_string(status), int(status));
  throw gpu::DriverFailure(status == rocblas_memory_error ? PHX_OUT_OF_MEMORY : PHX_DEVICE_ERROR, message,
                           false);
}

#define CALL(function, ...)                                                      \
  if (const RocblasStatus status = api_.function(__VA_ARGS__);                   \
      status != rocblas_success && status != rocblas_perf_degraded) [[unlikely]] \
  fail(api_, #function, status)

RocblasHandle vendor(gpu::Products x) { return reinterpret_cast<RocblasHandle>(x); }

RocblasType type_of(int32_t dtype) {
  return dtype == PHX_FLOAT16 ? rocblas_float16 : dtype == PHX_BFLOAT16 ? rocblas_bfloat16 : rocblas_float32;
}

class Rocblas final : public gpu::ProductLibrary {
 public:
  Rocblas(const RocblasApi& api, std::string name) : api_(api), name_(std::move(name)) {}

  std::string name() const override { return name_; }
  int64_t workspace_bytes() const override { return int64_t(32) << 20; }

  gpu::Products open(gpu::Stream stream, char* workspace) override {
    RocblasHandle handle = nullptr;
    CALL(rocblas_create_handle, &handle);
    const auto products = reinterpret_cast<gpu::Products>(handle);
    try {
      CALL(rocblas_set_stream, handle, reinterpret_cast<HipStreamHandle*>(stream));
      CALL(rocblas_set_workspace, handle, workspace, size_t(workspace_bytes()));
      CALL(rocblas_set_atomics_mode, handle, rocblas_no_atomics);
      try_each(products, workspace);
    } catch (...) {
      close(products);
      throw;
    }
    return products;
  }

  void close(gpu::Products products) noexcept override { api_.rocblas_destroy_handle(vendor(products)); }

  // Rows are rocBLAS's columns: out' = b' a', where a matrix by rows is its own transpose by columns.
  void multiply(gpu::Products products, const gpu::MatrixProduct& x, char* out, const char* a,
                const char* b) override {
    const auto operation = [](const gpu::MatrixLayout& m) {
      return m.turned ? rocblas_transposed : rocblas_as_it_is;
    };
    const RocblasType factors = type_of(x.factors), type = type_of(x.dtype);
    const float one = 1, none = 0;
    CALL(rocblas_gemm_strided_batched_ex, vendor(products), operation(x.b), operation(x.a),
         int32_t(x.columns), int32_t(x.rows), int32_t(x.terms), &one, b, factors, int32_t(x.b.line),
         x.b.batch, a, factors, int32_t(x.a.line), x.a.batch, &none, out, type, int32_t(x.out.line),
         x.out.batch, out, type, int32_t(x.out.line), x.out.batch, int32_t(x.batch), rocblas_float32,
         rocblas_standard_algorithm, 0, 0);
  }

 private:
  // A release that has not all of them is found out now, and not in the middle of a program. What lies in the workspace
  // does not matter.
  void try_each(gpu::Products products, char* workspace) {
    for (const auto& [dtype, factors] :
         {std::pair(PHX_FLOAT32, PHX_BFLOAT16), {PHX_FLOAT16, PHX_FLOAT16}, {PHX_BFLOAT16, PHX_BFLOAT16}}) {
      constexpr int64_t side = 128, bytes = side * side * 4;
      gpu::MatrixProduct x;
      x.dtype = dtype;
      x.factors = factors;
      x.rows = x.columns = x.terms = x.out.line = x.a.line = x.b.line = side;
      multiply(products, x, workspace, workspace + bytes, workspace + 2 * bytes);
    }
  }

  const RocblasApi api_;
  const std::string name_;
};

// Empty where it has them all; else the first that it lacks.
std::string look_up(void* library, RocblasApi& api) {
  std::string missing;
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (!function && missing.empty()) missing = name;
  };
#define X(name, parameters) find(#name, api.name);
  PHYNEXUS_ROCBLAS_FUNCTIONS(X)
#undef X
  find("rocblas_status_to_string", api.rocblas_status_to_string);
  return missing;
}

// Those that are linked with this runtime: another one would bring a second runtime into the process.
std::vector<std::string> names_for(int runtime) {
#if defined(PHYNEXUS_ROCBLAS)
  (void)runtime;
  return {PHYNEXUS_ROCBLAS};
#else
  switch (runtime / 10000000) {
    case 7: return {"librocblas.so.5"};
    case 6: return {"librocblas.so.4"};
    case 5: return {"librocblas.so.3", "librocblas.so.0"};
  }
  return {};
#endif
}

}  // namespace

bool has_matrix_cores(const std::string& architecture) {
  const std::string card = architecture.substr(0, architecture.find(':'));
  for (const char* one : {"gfx908", "gfx90a", "gfx942", "gfx950", "gfx11", "gfx12"})
    if (card.rfind(one, 0) == 0) return true;
  return false;
}

std::unique_ptr<gpu::ProductLibrary> find_rocblas(int runtime, std::string& why) {
  void* const library = gpu::open_library(variable, names_for(runtime), "rocBLAS", why);
  if (!library) return nullptr;
  RocblasApi api;
  const std::string missing = look_up(library, api);
  if (!missing.empty()) {
    why = "the rocBLAS that is found lacks the function " + missing;
    dlclose(library);
    return nullptr;
  }
  char version[256] = "of no version";
  api.rocblas_get_version_string(version, sizeof version);
  return std::make_unique<Rocblas>(
      api, "rocBLAS " + std::string(version) + " (" + gpu::path_of_library(library) + ")");
}

}  // namespace phynexus::hip
