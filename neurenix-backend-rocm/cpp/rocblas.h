// rocBLAS as a library of products, where it is found.
#pragma once

#include <memory>
#include <string>

#include "gpu/driver/product_library.h"

namespace phynexus::hip {

// Whether a card of this architecture has matrix cores that multiply bfloat16 and float16: "gfx90a:sramecc+".
bool has_matrix_cores(const std::string& architecture);

// The library that NEURENIX_ROCBLAS names, else the loader's for this release of the runtime; null: none does, and why.
std::unique_ptr<gpu::ProductLibrary> find_rocblas(int runtime, std::string& why);

}  // namespace phynexus::hip
