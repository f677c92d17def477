// A library that is opened at run time, unless a variable names another one, or none.
#pragma once

#include <string>
#include <vector>

namespace phynexus::gpu {

// False where the variable is 0. A value that is neither that nor the path of a file is refused.
bool wants_library(const char* variable);

// The file that the variable names, else the first of the names that the loader finds. Null, and why: `called`.
void* open_library(const char* variable, const std::vector<std::string>& names, const std::string& called,
                   std::string& why);

}  // namespace phynexus::gpu
