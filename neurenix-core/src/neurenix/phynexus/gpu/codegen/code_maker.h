// Makes code for plans at run time, in the background: a thread that compiles one text after the other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "compiler.h"
#include "image_cache.h"
#include "source.h"

namespace phynexus::gpu {

// The code of one plan: asked for when the plan is made ready, there some time later, or never.
class MadeCode {
 public:
  // Once true, image() does not change any more.
  bool ready() const { return ready_.load(std::memory_order_acquire); }
  const std::vector<char>& image() const { return image_; }
  const std::vector<MadeKernel>& kernels() const { return source_.kernels; }

 private:
  friend class CodeMaker;
  Source source_;
  std::vector<char> image_;
  std::atomic<bool> ready_{false};
};

class CodeMaker {
 public:
  // When code is compiled: beside the runs, or before the plan's first one, which is for tests.
  enum class When { beside, before };

  CodeMaker(std::unique_ptr<Compiler> compiler, std::string architecture, std::filesystem::path cache,
            When when);
  // Gives up the text that is compiled now, and those behind it. The end of the process does so too, where nobody has
  // ended an engine.
  ~CodeMaker();
  CodeMaker(const CodeMaker&) = delete;
  CodeMaker& operator=(const CodeMaker&) = delete;
  void stop();

  // Null where nothing would gain by it.
  std::shared_ptr<const MadeCode> ask(const Lowered& lowered);
  // What people should know, a line each: who compiles, what failed.
  std::vector<std::string> notes() const;
  // A made image was of no use: said once, in the notes.
  void note(const std::string& line);
  // A plan runs what was made from now on.
  void took_over();
  When when() const { return when_; }

 private:
  void work();
  void make(MadeCode& code);

  const std::unique_ptr<Compiler> compiler_;
  const std::string architecture_;
  const ImageCache cache_;
  const When when_;
  const int process_;  // a child of it has no such thread
  mutable std::mutex mutex_;
  std::condition_variable waiting_;
  std::deque<std::weak_ptr<MadeCode>> queue_;  // whoever asked may be gone by then
  std::vector<std::string> notes_;
  int64_t plans_ = 0;  // that made code has taken over
  bool ends_ = false;
  std::thread thread_;  // started by the first that asks
};

// NEURENIX_GPU_CODE: 0: none is made; "before": before a plan runs; else beside.
bool makes_code();
CodeMaker::When when_to_make_code();

}  // namespace phynexus::gpu
