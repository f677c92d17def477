// A vendor's library of matrix products as the engine sees it, on one device. Whoever binds one implements it; when it
// is asked is decided where plans are lowered, and when it is opened, in run/.
#pragma once

#include <string>

#include "driver.h"
#include "matrix_product.h"

namespace phynexus::gpu {

// What a session holds of it; null: none.
struct ProductsHandle;
using Products = ProductsHandle*;

// Functions may throw DriverFailure, but close(). The device is entered.
class ProductLibrary {
 public:
  virtual ~ProductLibrary() = default;
  // With its version, on which bits depend, and where it lies: "cuBLAS 13.1.1 (/usr/lib/...)".
  virtual std::string name() const = 0;
  // Of the device, that it is given when it is opened, and works in: always as much, so that a product has the same
  // bits in each run.
  virtual int64_t workspace_bytes() const = 0;
  virtual Products open(Stream stream, char* workspace) = 0;
  virtual void close(Products products) noexcept = 0;
  // Puts it into the stream. What `out` held before is not read.
  virtual void multiply(Products products, const MatrixProduct& product, char* out, const char* a,
                        const char* b) = 0;
};

}  // namespace phynexus::gpu
