// Starts the program that compiles, sends it a text and receives an image.
#include "process_compiler.h"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "../../engine/failure.h"

extern char** environ;

namespace phynexus::gpu {
namespace {

constexpr const char* program_name = "phynexus_compile";
constexpr uint64_t most_bytes = 1 << 30;  // of an answer

// As the working directory is now: it may be another when the program starts.
std::string absolute(const std::string& path) { return std::filesystem::absolute(path).string(); }

// In the folder of the library that this function is in.
std::string path_of_program() {
  static const char in_this_library = 0;
  Dl_info found;
  const std::string path = dladdr(&in_this_library, &found) && found.dli_fname ? found.dli_fname : "";
  return absolute(path.substr(0, path.rfind('/') + 1) + program_name);
}

// A pair of sockets; neither is inherited but as what start() makes of it. (A process that another thread forks has
// them too, for as long as it lives: the end of the program alone may not be seen here.)
struct Channel {
  int ours = -1, theirs = -1;
  Channel() {
    int both[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0)
      throw Failure(PHX_DEVICE_ERROR,
                    std::string("no channel to the program that compiles: ") + strerror(errno));
    ours = both[0], theirs = both[1];
  }
  ~Channel() {
    close(ours);
    if (theirs >= 0) close(theirs);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // False: the program has ended.
  bool send_all(const char* bytes, size_t count) const {
    while (count) {
      const ssize_t sent = send(ours, bytes, count, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      bytes += sent, count -= size_t(sent);
    }
    return shutdown(ours, SHUT_WR) == 0;
  }
  bool receive_all(char* bytes, size_t count) const {
    while (count) {
      const ssize_t got = recv(ours, bytes, count, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      bytes += got, count -= size_t(got);
    }
    return true;
  }
};

}  // namespace

// The program while it runs. It ends with this, whatever becomes of its answer.
class ProcessCompiler::Running {
 public:
  Running(ProcessCompiler& of, Channel& channel, const std::string& architecture) : of_(of) {
    std::lock_guard lock(of_.mutex_);
    if (of_.given_up_) throw Failure(PHX_DEVICE_ERROR, "given up");
    of_.child_ = of_.start(architecture, channel.theirs, channel.ours);
    of_.channel_ = channel.ours;
  }
  ~Running() {
    if (!answered) kill(-of_.child_, SIGKILL);
    // Its number is free for others once it was waited for: until then it can be ended by that.
    siginfo_t end;
    while (waitid(P_PID, id_t(of_.child_), &end, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    std::lock_guard lock(of_.mutex_);
    while (waitpid(of_.child_, nullptr, 0) < 0 && errno == EINTR) {
    }
    of_.child_ = 0;
    of_.channel_ = -1;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  bool answered = false;

 private:
  ProcessCompiler& of_;
};

ProcessCompiler::ProcessCompiler(VendorCompiler vendor)
    : vendor_(std::move(vendor)), program_(path_of_program()) {}

pid_t ProcessCompiler::start(const std::string& architecture, int channel, int ours) {
  std::vector<std::string> words{program_,
                                 vendor_.library,
                                 vendor_.beside,
                                 vendor_.prefix,
                                 vendor_.code,
                                 vendor_.file,
                                 vendor_.target + architecture};
  words.insert(words.end(), vendor_.options.begin(), vendor_.options.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addclose(&actions, ours);
  posix_spawn_file_actions_adddup2(&actions, channel, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
  // A group of its own: Ctrl-C is for us alone, and what it starts itself ends with it.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) sigaddset(&usual, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed = posix_spawn(&child, program_.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed)
    throw Failure(PHX_DEVICE_ERROR, program_ + ", the program that compiles, does not start: " +
                                        strerror(failed) + "; install the package again");
  return child;
}

std::vector<char> ProcessCompiler::compile(const std::string& text, const std::string& architecture) {
  std::lock_guard one(one_at_a_time_);
  Channel channel;
  // What it made, or what was wrong: a byte that says which, and how many bytes.
  char kind = 0;
  std::vector<char> answer;
  bool whole = false;
  {
    Running running(*this, channel, architecture);
    close(channel.theirs);
    channel.theirs = -1;
    uint64_t count = 0;
    if (channel.send_all(text.data(), text.size()) && channel.receive_all(&kind, 1) &&
        channel.receive_all(reinterpret_cast<char*>(&count), sizeof count) && count <= most_bytes) {
      answer.resize(count);
      whole = channel.receive_all(answer.data(), count);
    }
    running.answered = whole;
  }
  std::lock_guard lock(mutex_);
  if (!whole) throw Failure(PHX_DEVICE_ERROR, name() + (given_up_ ? " was given up" : " crashed"));
  if (kind != 'c') throw Failure(PHX_DEVICE_ERROR, name() + ": " + std::string(answer.begin(), answer.end()));
  return answer;
}

void ProcessCompiler::give_up() {
  std::lock_guard lock(mutex_);
  given_up_ = true;
  if (child_ > 0) kill(-child_, SIGKILL);
  // where a forked process has the other end, that is not closed by it
  if (channel_ >= 0) shutdown(channel_, SHUT_RDWR);
}

CompilerLibrary::~CompilerLibrary() {
  if (handle) dlclose(handle);
}

std::string path_of_library(void* library) {
  const link_map* found = nullptr;
  return dlinfo(library, RTLD_DI_LINKMAP, &found) == 0 && found ? absolute(found->l_name) : "";
}

}  // namespace phynexus::gpu
