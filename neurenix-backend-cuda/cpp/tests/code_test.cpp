// Code made at run time, without an engine: what is kept of it on disk, and the process that compiles.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "gpu/codegen/image_cache.h"
#include "gpu/codegen/process_compiler.h"

using namespace phynexus::gpu;
namespace files = std::filesystem;

namespace {

const std::string key = "NVRTC 13.0\nsm_90\nvoid text();\n";
const std::vector<char> image = [] {
  std::vector<char> bytes(5000);
  for (size_t k = 0; k < bytes.size(); k++) bytes[k] = char(k * 7);
  return bytes;
}();

// A folder of a test's own.
struct Folder {
  files::path path;
  Folder() {
    std::string name = (files::temp_directory_path() / "phynexus-code-XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr, "a folder for the test");
    path = name;
  }
  ~Folder() { files::remove_all(path); }
};

std::vector<files::path> entries(const files::path& folder) {
  return {files::directory_iterator(folder), files::directory_iterator()};
}

std::string read(const files::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// In place, so that its permissions stay.
void write(const files::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Each byte of the head, some of key and image, and every length: found damaged, removed, and written again.
void damage() {
  Folder folder;
  const ImageCache cache(folder.path / "cuda");
  CHECK(!cache.find(key), "nothing is found before anything is kept");
  cache.keep(key, image);
  CHECK(cache.find(key) == image, "what was kept is found");
  CHECK(!cache.find(key + " "), "another key is not found");
  const files::path entry = entries(cache.folder()).at(0);
  const std::string whole = read(entry);
  const auto is_refused = [&](const std::string& bytes, const char* what) {
    write(entry, bytes);
    CHECK(!cache.find(key), "%s", what);
    CHECK(!files::exists(entry), "what is damaged is removed");
    cache.keep(key, image);
    CHECK(cache.find(key) == image, "it is kept again");
  };
  for (size_t at = 0; at < whole.size(); at += at < 80 ? 1 : 487)
    for (const int bit : {0, 7}) {
      std::string bytes = whole;
      bytes[at] ^= char(1 << bit);
      is_refused(bytes, "a bit that flipped");
    }
  for (size_t size = 0; size < whole.size(); size += size < 80 ? 1 : 487)
    is_refused(whole.substr(0, size), "a file that was cut");
  is_refused(whole + "x", "a file that is too long");
}

// A file of the right name that holds another key, as a collision or a forger would make it.
void forged() {
  Folder folder;
  const ImageCache one(folder.path / "one"), other(folder.path / "other");
  one.keep(key, image);
  other.keep("another key", image);
  files::copy_file(entries(other.folder()).at(0), entries(one.folder()).at(0),
                   files::copy_options::overwrite_existing);
  CHECK(!one.find(key), "another key's image is not taken");
  // A link leads where others may write.
  const files::path entry = entries(one.folder()).at(0);
  files::remove(entry);
  files::create_symlink(entries(other.folder()).at(0), entry);
  CHECK(!one.find("another key") && !one.find(key), "links are not followed");
}

// Processes that fill one cache at once: whoever looks finds all of an image, or none.
void crowd() {
  Folder folder;
  const ImageCache cache(folder.path / "cuda");
  std::vector<pid_t> children;
  for (int c = 0; c < 4; c++) {
    const pid_t child = fork();
    if (child == 0) {
      bool right = true;
      for (int k = 0; k < 50; k++) {
        cache.keep(key, image);
        right = right && cache.find(key) == image;
      }
      _exit(right ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0, "each process finds the whole image");
  }
  CHECK(entries(cache.folder()).size() == 1, "nothing is left beside it");
}

// As where the disk is full: part of a file can be written, and no more.
void full_disk() {
  Folder folder;
  const ImageCache cache(folder.path / "cuda");
  cache.keep("first", image);
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  cache.keep(key, image);
  setrlimit(RLIMIT_FSIZE, &before);
  CHECK(!cache.find(key), "half an image is not kept");
  CHECK(entries(cache.folder()).size() == 1, "nor left there");
  CHECK(cache.find("first") == image, "others are as they were");
  cache.keep(key, image);
  CHECK(cache.find(key) == image, "later it is kept");
}

void unwritable() {
  Folder folder;
  const ImageCache none{files::path()};
  none.keep(key, image);
  CHECK(!none.find(key) && !none.unwritable().empty(), "without a folder nothing is kept");
  write(folder.path / "file", "x");
  const ImageCache blocked(folder.path / "file" / "cuda");
  blocked.keep(key, image);
  CHECK(!blocked.find(key) && !blocked.unwritable().empty(), "a file is no folder");
  const ImageCache open(folder.path / "open");
  open.keep(key, image);
  CHECK(open.unwritable().empty() && open.find(key) == image, "a folder of one's own");
  chmod(open.folder().c_str(), 0777);
  CHECK(!open.find(key) && !open.unwritable().empty(), "a folder that all may write to is not trusted");
}

ProcessCompiler compiler(const std::string& library = PHYNEXUS_FAKE_NVRTC) {
  return ProcessCompiler({.name = "a compiler",
                          .library = library,
                          .beside = {},
                          .prefix = "nvrtc",
                          .code = "CUBIN",
                          .file = "text",
                          .target = "--",
                          .options = {}});
}

std::string failure(ProcessCompiler& of, const std::string& text = "") {
  try {
    of.compile(text, "x");
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// The program that compiles: what it says, where it crashes, where it cannot work.
void processes() {
  Folder folder;
  setenv("PHYNEXUS_FAKE_COMPILER_FOLDER", folder.path.c_str(), 1);
  auto working = compiler();
  const std::vector<char> made = working.compile("#include <string.h>\nint number = 3;\n", "x");
  CHECK(contains(std::string(made.begin(), made.end()), "phynexus-emulated:"), "it compiles");
  CHECK(contains(failure(working, "no C++\n"), "error: "), "it says what is wrong with the text");
  auto lost = compiler("/nowhere/libnvrtc.so");
  CHECK(contains(failure(lost), "/nowhere/libnvrtc.so"), "it says which library is not there");
  setenv("PHYNEXUS_FAKE_COMPILER", "crash=1", 1);
  CHECK(contains(failure(working), "crashed"), "where it crashes, we do not");
  setenv("PHYNEXUS_FAKE_COMPILER", "huge=1", 1);
  CHECK(contains(failure(working), "crashed"), "an answer without an end is none");
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "nothing of it is left");
  unsetenv("PHYNEXUS_FAKE_COMPILER");
  // Whoever ignores its children gets no word of their end.
  signal(SIGCHLD, SIG_IGN);
  CHECK(!working.compile("#include <string.h>\nint number = 4;\n", "x").empty(),
        "it works where children are ignored");
  signal(SIGCHLD, SIG_DFL);
}

// What is named by a relative path is found from any folder.
void elsewhere() {
  const files::path library = PHYNEXUS_FAKE_NVRTC, before = files::current_path();
  files::current_path(library.parent_path());
  void* opened = dlopen(("./" + library.filename().string()).c_str(), RTLD_NOW | RTLD_LOCAL);
  const std::string path = opened ? path_of_library(opened) : "";
  files::current_path(before);
  CHECK(path[0] == '/' && files::equivalent(path, library), "%s", path.c_str());
  if (opened) dlclose(opened);
}

// A compilation of ten minutes ends when it is given up; so does what is asked for later.
void given_up() {
  Folder folder;
  setenv("PHYNEXUS_FAKE_COMPILER_FOLDER", folder.path.c_str(), 1);
  setenv("PHYNEXUS_FAKE_COMPILER", "seconds=600", 1);
  auto slow = compiler();
  std::string why;
  std::thread thread([&] { why = failure(slow); });
  while (entries(folder.path).empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  slow.give_up();
  thread.join();
  CHECK(contains(why, "given up"), "it is given up");
  CHECK(contains(failure(slow), "given up"), "and stays so");
  unsetenv("PHYNEXUS_FAKE_COMPILER");
}

// Processes that are forked meanwhile may have both ends of the channel; what is given up ends all the same.
void given_up_beside_forks() {
  Folder folder;
  setenv("PHYNEXUS_FAKE_COMPILER_FOLDER", folder.path.c_str(), 1);
  setenv("PHYNEXUS_FAKE_COMPILER", "seconds=600", 1);
  auto slow = compiler();
  std::string why;
  std::atomic<bool> ended{false};
  std::vector<pid_t> forked;
  std::thread thread([&] { why = failure(slow), ended = true; });
  while (entries(folder.path).empty()) {
    const pid_t child = fork();
    if (child == 0) {
      sleep(60);
      _exit(0);
    }
    forked.push_back(child);
  }
  slow.give_up();
  for (int k = 0; k < 1000 && !ended; k++) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(ended, "it is given up while others have its channel");
  for (const pid_t child : forked) kill(child, SIGKILL), waitpid(child, nullptr, 0);
  thread.join();
  CHECK(contains(why, "given up"), "and says so");
  unsetenv("PHYNEXUS_FAKE_COMPILER");
}

}  // namespace

int main() {
  damage();
  forged();
  crowd();
  full_disk();
  unwritable();
  processes();
  elsewhere();
  given_up();
  given_up_beside_forks();
  return failures != 0;
}
