// Calls the functions one after the other, and finds the line of the log that matters.
#include "library_compiler.h"

#include <dlfcn.h>

#include <memory>

#include "../../engine/failure.h"

namespace phynexus::gpu {
namespace {

constexpr int success = 0;  // of both vendors

// The line of the log that has the first error.
std::string first_error(const CompilerFunctions& f, CompilerFunctions::Program program) {
  size_t bytes = 0;
  if (f.log_size(program, &bytes) != success || !bytes) return "no message";
  std::string log(bytes, 0);
  if (f.log(program, log.data()) != success) return "no message";
  const size_t at = log.find("error"), found = at == std::string::npos ? 0 : at;
  const size_t begin = log.rfind('\n', found);
  const size_t from = begin == std::string::npos ? 0 : begin + 1;
  return log.substr(from, log.find_first_of(std::string("\n\0", 2), found) - from);
}

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

std::vector<char> compile_with(const CompilerFunctions& f, const std::string& text, const std::string& file,
                               const std::vector<std::string>& options) {
  const auto check = [&](const char* what, int result) {
    if (result != success)
      throw Failure(PHX_DEVICE_ERROR, format("%s failed: %s", what, f.error_text(result)));
  };
  CompilerFunctions::Program program = nullptr;
  check("making a program", f.create(&program, text.c_str(), file.c_str(), 0, nullptr, nullptr));
  const std::unique_ptr<CompilerFunctions::Program, int (*)(CompilerFunctions::Program*)> held(&program,
                                                                                               f.destroy);
  std::vector<const char*> words;
  for (const std::string& option : options) words.push_back(option.c_str());
  const int result = f.compile(program, int(words.size()), words.data());
  if (result != success)
    throw Failure(PHX_DEVICE_ERROR, format("%s (%s)", first_error(f, program).c_str(), f.error_text(result)));
  size_t bytes = 0;
  check("asking for the code's size", f.code_size(program, &bytes));
  std::vector<char> image(bytes);
  check("reading the code", f.code(program, image.data()));
  return image;
}

}  // namespace phynexus::gpu
