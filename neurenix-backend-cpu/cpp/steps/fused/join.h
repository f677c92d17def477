// Two operations in one pass, where one kernel does both.
#pragma once

#include "values.h"

namespace phynexus::fused {

// A comparison goes into the selection that it decides, a product into the sum that it is a term of.
Chain join(Chain chain, const std::vector<Value>& values);

}  // namespace phynexus::fused
