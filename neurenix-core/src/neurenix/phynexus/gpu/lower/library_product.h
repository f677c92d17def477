// A product that is left to the vendor's library, with its operands by their places.
#pragma once

#include "../device/record.h"
#include "../driver/matrix_product.h"

namespace phynexus::gpu {

// The places are behind bases of the whole program, which the host knows.
struct LibraryProduct {
  MatrixProduct sizes;
  Pointer out, a, b;
};

}  // namespace phynexus::gpu
