// The program that compiles: a text comes on its standard input, a socket; there goes back 'c' and code, or 'e' and
// what was wrong, with the number of bytes before them. See codegen/process_compiler.cpp, which starts it.
//
//   phynexus_compile LIBRARY LIBRARY_BEFORE PREFIX CODE FILE OPTION...
#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "../../engine/failure.h"
#include "../codegen/library_compiler.h"

using namespace phynexus;

namespace {

std::string read_all() {
  std::string text;
  char part[1 << 16];
  for (ssize_t got; (got = read(0, part, sizeof part)) > 0;) text.append(part, size_t(got));
  return text;
}

int answer(char kind, const char* bytes, uint64_t count) {
  std::string all(1, kind);
  all.append(reinterpret_cast<const char*>(&count), sizeof count).append(bytes, count);
  for (size_t sent = 0; sent < all.size();) {
    const ssize_t part = write(0, all.data() + sent, all.size() - sent);
    if (part <= 0) return 1;
    sent += size_t(part);
  }
  return 0;
}

void* opened(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) throw Failure(PHX_DEVICE_ERROR, dlerror());
  return library;
}

}  // namespace

int main(int count, char** words) {
  if (count < 6) {
    std::fprintf(stderr, "phynexus_compile compiles for Phynexus' engines, which start it\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)!nice(10);  // what waits for this code runs meanwhile
  try {
    if (*words[2]) opened(words[2]);
    gpu::CompilerFunctions functions;
    if (!gpu::look_up(opened(words[1]), words[3], words[4], functions))
      throw Failure(PHX_DEVICE_ERROR, std::string(words[1]) + " lacks functions");
    const std::vector<char> code = gpu::compile_with(functions, read_all(), words[5],
                                                     std::vector<std::string>(words + 6, words + count));
    return answer('c', code.data(), code.size());
  } catch (const std::exception& error) {
    const std::string why = error.what();
    return answer('e', why.data(), why.size());
  }
}
