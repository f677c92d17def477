// Compiles with a vendor's library, and finds the line of its log that matters.
#include "library_compiler.h"

#include <dlfcn.h>

#include <memory>

#include "../../engine/failure.h"

namespace phynexus::gpu {
namespace {

constexpr int success = 0;  // of both vendors

}  // namespace

bool look_up(void* library, const std::string& prefix, const std::string& code, CompilerFunctions& out) {
  bool whole = true;
  const auto find = [&](const std::string& name, auto& function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, (prefix + name).c_str()));
    whole &= function != nullptr;
  };
  find("Version", out.version);
  find("GetErrorString", out.error_text);
  find("CreateProgram", out.create);
  find("DestroyProgram", out.destroy);
  find("CompileProgram", out.compile);
  find("GetProgramLogSize", out.log_size);
  find("GetProgramLog", out.log);
  find("Get" + code + "Size", out.code_size);
  find("Get" + code, out.code);
  return whole;
}

std::vector<char> LibraryCompiler::compile(const std::string& text, const std::string& architecture) {
  CompilerFunctions::Program program = nullptr;
  check("making a program", f_.create(&program, text.c_str(), file_.c_str(), 0, nullptr, nullptr));
  const std::unique_ptr<CompilerFunctions::Program, int (*)(CompilerFunctions::Program*)> held(&program,
                                                                                               f_.destroy);
  const std::string target = target_ + architecture;
  std::vector<const char*> options{target.c_str()};
  for (const std::string& option : options_) options.push_back(option.c_str());
  const int result = f_.compile(program, int(options.size()), options.data());
  if (result != success)
    throw Failure(PHX_DEVICE_ERROR, format("%s: %s (%s)", name_.c_str(), first_error(program).c_str(),
                                           f_.error_text(result)));
  size_t bytes = 0;
  check("asking for the code's size", f_.code_size(program, &bytes));
  std::vector<char> image(bytes);
  check("reading the code", f_.code(program, image.data()));
  return image;
}

void LibraryCompiler::check(const char* what, int result) const {
  if (result != success)
    throw Failure(PHX_DEVICE_ERROR,
                  format("%s by %s failed: %s", what, name_.c_str(), f_.error_text(result)));
}

// The line of the log that has the first error.
std::string LibraryCompiler::first_error(CompilerFunctions::Program program) const {
  size_t bytes = 0;
  if (f_.log_size(program, &bytes) != success || !bytes) return "no message";
  std::string log(bytes, 0);
  if (f_.log(program, log.data()) != success) return "no message";
  const size_t at = log.find("error"), found = at == std::string::npos ? 0 : at;
  const size_t begin = log.rfind('\n', found);
  const size_t from = begin == std::string::npos ? 0 : begin + 1;
  return log.substr(from, log.find_first_of(std::string("\n\0", 2), found) - from);
}

}  // namespace phynexus::gpu
