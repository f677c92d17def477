// cuBLAS as a library of products, where it is found.
#pragma once

#include <memory>
#include <string>

#include "gpu/driver/product_library.h"

namespace phynexus::cuda {

// Whether the user has not switched it off: NEURENIX_CUBLAS, whose other values are refused but the path of a file.
bool wants_cublas();

// The library that NEURENIX_CUBLAS names, else the loader's; null: none does, and why.
std::unique_ptr<gpu::ProductLibrary> find_cublas(std::string& why);

}  // namespace phynexus::cuda
