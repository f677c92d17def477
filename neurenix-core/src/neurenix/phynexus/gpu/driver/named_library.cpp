// Reads the variable, and asks the loader.
#include "named_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

#include "../../engine/failure.h"

namespace phynexus::gpu {
namespace {

// Empty where it is not set.
std::string value_of(const char* variable) {
  const char* found = std::getenv(variable);
  return found ? found : "";
}

}  // namespace

bool wants_library(const char* variable) {
  const std::string given = value_of(variable);
  if (given == "0") return false;
  const bool is_file = given.find('/') != std::string::npos && access(given.c_str(), R_OK) == 0;
  if (given.empty() || is_file) return true;
  throw Failure(PHX_INVALID_ARGUMENT, std::string(variable) + "=" + given +
                                          ": it is 0, the path of a library that can be read, or not set");
}

void* open_library(const char* variable, const std::vector<std::string>& names, const std::string& called,
                   std::string& why) {
  const std::string given = value_of(variable);
  for (const std::string& name : given.empty() ? names : std::vector{given})
    if (void* library = name.empty() ? nullptr : dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  why = given.empty() ? called + " is not found" : std::string(variable) + "=" + given + " cannot be opened";
  return nullptr;
}

}  // namespace phynexus::gpu
