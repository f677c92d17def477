// Environment variables that switch something: each has a few values, and another one is refused by name, since what
// it was meant to switch would stay as it is without a word.
#pragma once

#include <cstdlib>
#include <initializer_list>
#include <string>

#include "../../engine/failure.h"

namespace phynexus::gpu {

// One of the values; empty where the variable is not set.
inline std::string read_switch(const char* name, std::initializer_list<const char*> values) {
  const char* found = std::getenv(name);
  if (!found || !*found) return "";
  std::string all;
  for (const char* value : values) {
    if (std::string(value) == found) return found;
    all += (all.empty() ? "" : ", ") + std::string(value);
  }
  throw Failure(PHX_INVALID_ARGUMENT,
                std::string(name) + "=" + found + ": it is one of " + all + ", or not set");
}

}  // namespace phynexus::gpu
