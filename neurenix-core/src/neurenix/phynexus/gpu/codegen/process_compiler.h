// A compiler in a process of its own (compile/compile.cpp): what takes many seconds can so be given up at any time, and
// takes nothing of ours with it should it crash. It is a child of this process: whoever waits for any child, as
// os.wait() of Python does, may be told of its end.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <vector>

#include "compiler.h"

namespace phynexus::gpu {

// What that program is told of a vendor's library.
struct VendorCompiler {
  std::string name;     // "NVRTC 13.0"
  std::string library;  // its path
  std::string beside;   // a library that must be opened before; or empty
  std::string prefix;   // see library_compiler.h
  std::string code;
  std::string file;    // what messages call the text
  std::string target;  // the option that names the architecture, up to its name
  std::vector<std::string> options;
};

class ProcessCompiler final : public Compiler {
 public:
  explicit ProcessCompiler(VendorCompiler vendor);

  std::string name() const override { return vendor_.name; }
  std::vector<char> compile(const std::string& text, const std::string& architecture) override;
  void give_up() override;

 private:
  class Running;
  pid_t start(const std::string& architecture, int channel, int ours);

  const VendorCompiler vendor_;
  const std::string program_;  // its path: beside the library that this is part of
  std::mutex one_at_a_time_;
  std::mutex mutex_;
  pid_t child_ = 0;
  int channel_ = -1;  // our end of what leads to it
  bool given_up_ = false;
};

// A vendor's compiler while its version and its path are asked for. It is closed again, since only the program that
// compiles uses it: who opens one by the same name later, as PyTorch does with its own, would get this.
struct CompilerLibrary {
  void* handle = nullptr;
  explicit CompilerLibrary(void* handle) : handle(handle) {}
  CompilerLibrary(const CompilerLibrary&) = delete;
  CompilerLibrary& operator=(const CompilerLibrary&) = delete;
  ~CompilerLibrary();
};

// The path by which an open library was found.
std::string path_of_library(void* library);

}  // namespace phynexus::gpu
