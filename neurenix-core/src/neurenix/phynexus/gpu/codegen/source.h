// Writes the launches of a plan as source text: the same handlers, called with parameters that the compiler knows.
//
// A kernel's bits are those of the precompiled one, since both run the same functions in the same order, with blocks
// of the same size, and no compiler may contract a multiplication and an addition.
#pragma once

#include <string>
#include <vector>

#include "../lower/launches.h"

namespace phynexus::gpu {

struct MadeKernel {
  int launch = 0;    // of Lowered::launches
  std::string name;  // of its entry
};

struct Source {
  std::string text;
  std::vector<MadeKernel> kernels;  // none: there is nothing that would gain by it
};

Source write_source(const Lowered& lowered);

}  // namespace phynexus::gpu
