// A libnvrtc or libhiprtc for tests: compiles the device's language with g++ and the emulator's shim, into a library
// that the fake driver loads.
//
// PHYNEXUS_FAKE_COMPILER says, to a process from its start: "version=12080", "fail=1" (every compilation fails),
// "crash=1" (it kills its process), "seconds=600" (it takes as long), "huge=1" (its process answers for it, with more
// bytes than there are, and stays). Compiled libraries stay in the folder PHYNEXUS_FAKE_COMPILER_FOLDER, since images,
// and caches of them, name their paths. Built with PHYNEXUS_FAKE_PREFIX, "nvrtc" or "hiprtc", and with
// PHYNEXUS_FAKE_CODE, what its functions call their code.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define JOINED_(a, b, c) a##b##c
#define JOINED(a, b, c) JOINED_(a, b, c)
#define EXPORTED(type) extern "C" __attribute__((visibility("default"))) type
#define NAMED(name) JOINED(PHYNEXUS_FAKE_PREFIX, name, )
#define GET_CODE(end) JOINED(PHYNEXUS_FAKE_PREFIX, Get, JOINED(PHYNEXUS_FAKE_CODE, end, ))

extern char** environ;

namespace {

struct Program {
  std::string text, log, image;
};

int setting(const char* name, int otherwise) {
  const char* all = std::getenv("PHYNEXUS_FAKE_COMPILER");
  const char* at = all ? std::strstr(all, name) : nullptr;
  return at ? std::atoi(at + std::strlen(name) + 1) : otherwise;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What the fake driver asks a library for: the kernels, which are all that begin with phynexus_made_.
std::string table_of(const std::string& text) {
  constexpr const char* mark = "KERNEL(phynexus_made_";
  std::string table;
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const size_t begin = at + std::strlen("KERNEL("), end = text.find(',', begin);
    const std::string name = text.substr(begin, end - begin);
    table += "      {\"" + name + "\", reinterpret_cast<void (*)(const void*)>(phynexus::gpu::" + name +
             "), sizeof(phynexus::gpu::Arguments)},\n";
  }
  return "\n#include \"../emulator/launch.h\"\n"
         "extern \"C\" __attribute__((visibility(\"default\")))\n"
         "const phynexus::emulator::Kernel* phynexus_emulated_kernel(const char* name) {\n"
         "  static const phynexus::emulator::Kernel kernels[] = {\n" +
         table +
         "  };\n"
         "  for (const auto& kernel : kernels)\n    if (strcmp(kernel.name, name) == 0) return &kernel;\n"
         "  return nullptr;\n}\n";
}

int run(const std::vector<std::string>& words, const std::string& errors) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), 0x241, 0600);  // write, create, empty it
  pid_t child = 0;
  int status = -1;
  const int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed || waitpid(child, &status, 0) != child) return -1;
  return status;
}

Program& of(void* program) { return *static_cast<Program*>(program); }

}  // namespace

EXPORTED(int) NAMED(Version)(int* major, int* minor) {
  const int version = setting("version", 13000);  // 12080 is 12.8
  *major = version / 1000, *minor = version % 1000 / 10;
  return 0;
}
EXPORTED(const char*) NAMED(GetErrorString)(int result) {
  return result == 6 ? "ERROR_COMPILATION" : "an error";
}
EXPORTED(int)
NAMED(CreateProgram)(void** out, const char* text, const char*, int, const char* const*, const char* const*) {
  *out = new Program{text, {}, {}};
  return 0;
}
EXPORTED(int) NAMED(DestroyProgram)(void** program) {
  delete static_cast<Program*>(*program);
  *program = nullptr;
  return 0;
}
EXPORTED(int) NAMED(CompileProgram)(void* program, int, const char* const*) {
  static std::atomic<int> number{0};
  Program& p = of(program);
  if (setting("crash", 0)) std::abort();
  if (setting("huge", 0)) {
    const char answer[9] = {'c', -1, -1, -1, -1, -1, -1, -1, 127};
    if (write(0, answer, sizeof answer) < 0) return 6;
    sleep(600);
  }
  if (setting("fail", 0)) {
    p.log = "phynexus(1): error: this compiler fails, as it was told to\n";
    return 6;
  }
  const char* folder = std::getenv("PHYNEXUS_FAKE_COMPILER_FOLDER");
  if (!folder) {
    p.log = "error: PHYNEXUS_FAKE_COMPILER_FOLDER is not set\n";
    return 6;
  }
  const std::string path =
      std::string(folder) + "/made_" + std::to_string(getpid()) + "_" + std::to_string(number++);
  std::ofstream(path + ".cpp") << p.text << table_of(p.text);
  sleep(unsigned(setting("seconds", 0)));
  const char* compiler = std::getenv("CXX");
  // hidden: statics of functions that have a name in two of these libraries would else be one
  const int status =
      run({compiler ? compiler : "g++", "-std=gnu++20", "-O1", "-ffp-contract=off", "-fwrapv", "-w", "-fPIC",
           "-fvisibility=hidden", "-shared", "-DPHYNEXUS_EMULATED", "-DPHYNEXUS_LANES=" PHYNEXUS_FAKE_LANES,
           "-I" PHYNEXUS_FAKE_DEVICE, path + ".cpp", "-o", path + ".so", PHYNEXUS_FAKE_DRIVER},
          path + ".log");
  p.log = read(path + ".log");
  if (status != 0) return 6;
  p.image = "phynexus-emulated:" + path + ".so";
  return 0;
}
EXPORTED(int) NAMED(GetProgramLogSize)(void* program, size_t* bytes) {
  *bytes = of(program).log.size() + 1;
  return 0;
}
EXPORTED(int) NAMED(GetProgramLog)(void* program, char* out) {
  std::memcpy(out, of(program).log.c_str(), of(program).log.size() + 1);
  return 0;
}
EXPORTED(int) GET_CODE(Size)(void* program, size_t* bytes) {
  *bytes = of(program).image.size() + 1;
  return 0;
}
EXPORTED(int) GET_CODE()(void* program, char* out) {
  std::memcpy(out, of(program).image.c_str(), of(program).image.size() + 1);
  return 0;
}
