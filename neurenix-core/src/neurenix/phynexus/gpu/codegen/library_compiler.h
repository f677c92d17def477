// A compiler that a vendor's library has, in the shape that NVRTC's functions have and hipRTC's share.
#pragma once

#include <string>
#include <vector>

#include "compiler.h"

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

class LibraryCompiler final : public Compiler {
 public:
  // `target`: the option that names the architecture, up to its name; `file`: what messages call the text.
  LibraryCompiler(const CompilerFunctions& functions, std::string name, std::string target, std::string file,
                  std::vector<std::string> options)
      : f_(functions),
        name_(std::move(name)),
        target_(std::move(target)),
        file_(std::move(file)),
        options_(std::move(options)) {}

  std::string name() const override { return name_; }
  std::vector<char> compile(const std::string& text, const std::string& architecture) override;

 private:
  void check(const char* what, int result) const;
  std::string first_error(CompilerFunctions::Program program) const;

  const CompilerFunctions f_;
  const std::string name_, target_, file_;
  const std::vector<std::string> options_;
};

}  // namespace phynexus::gpu
