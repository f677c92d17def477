// Compiles with a library of a vendor's, in the shape that NVRTC's functions have and hipRTC's share.
#pragma once

#include <string>
#include <vector>

namespace phynexus::gpu {

// The functions, whose names begin with a prefix: "nvrtcVersion", "hiprtcVersion".
struct CompilerFunctions {
  using Program = struct CompiledProgram*;
  int (*version)(int* major, int* minor) = nullptr;
  const char* (*error_text)(int) = nullptr;
  int (*create)(Program*, const char* text, const char* name, int headers, const char* const*,
                const char* const*) = nullptr;
  int (*destroy)(Program*) = nullptr;
  int (*compile)(Program, int options, const char* const*) = nullptr;
  int (*log_size)(Program, size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;
  int (*code_size)(Program, size_t*) = nullptr;
  int (*code)(Program, char*) = nullptr;
};

// Finds them in an opened library; `code`: "CUBIN" or "Code", what its functions call what they make. False: it lacks
// some.
bool look_up(void* library, const std::string& prefix, const std::string& code, CompilerFunctions& out);

// What Driver::load takes. `file`: what messages call the text. Throws Failure with what the compiler says.
std::vector<char> compile_with(const CompilerFunctions& functions, const std::string& text,
                               const std::string& file, const std::vector<std::string>& options);

}  // namespace phynexus::gpu
