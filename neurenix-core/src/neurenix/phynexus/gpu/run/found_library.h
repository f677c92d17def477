// The vendor's library of products: looked for when it is first wanted, and given up for good where it does not do.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "../driver/product_library.h"

namespace phynexus::gpu {

class FoundLibrary {
 public:
  // Null: there is none, and why.
  using Find = std::function<std::unique_ptr<ProductLibrary>(std::string& why)>;
  FoundLibrary(Find find, std::string why) : find_(std::move(find)), why_(std::move(why)) {}

  // Null where there is none.
  ProductLibrary* get() {
    if (const Find find = std::exchange(find_, nullptr)) library_ = find(why_);
    return given_up_ ? nullptr : library_.get();
  }
  // Sessions that have it keep it.
  void give_up(const std::string& why) { given_up_ = true, why_ = why; }
  // For people, and for whoever asks what decides bits.
  std::string note() {
    const ProductLibrary* library = get();
    return "large products of rounded precision by " +
           (library ? library->name() : "Neurenix's own kernels: " + why_);
  }

 private:
  Find find_;
  std::unique_ptr<ProductLibrary> library_;
  std::string why_;
  bool given_up_ = false;
};

}  // namespace phynexus::gpu
