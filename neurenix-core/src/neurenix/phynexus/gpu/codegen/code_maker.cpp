// The thread that compiles, and its queue.
#include "code_maker.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "../../engine/failure.h"
#include "../driver/switches.h"

namespace phynexus::gpu {

namespace {

// All makers; when the process ends, their threads must, before what they use goes.
struct Makers {
  std::mutex mutex;
  std::set<CodeMaker*> all;
  ~Makers() {
    for (CodeMaker* maker : all) maker->stop();
  }
};
Makers& makers() {
  static Makers them;
  return them;
}

}  // namespace

CodeMaker::CodeMaker(std::unique_ptr<Compiler> compiler, std::string architecture,
                     std::filesystem::path cache, When when)
    : compiler_(std::move(compiler)),
      architecture_(std::move(architecture)),
      cache_(std::move(cache)),
      when_(when),
      process_(getpid()) {
  std::lock_guard lock(makers().mutex);
  makers().all.insert(this);
}

CodeMaker::~CodeMaker() {
  {
    std::lock_guard lock(makers().mutex);
    makers().all.erase(this);
  }
  stop();
}

void CodeMaker::stop() {
  if (getpid() != process_) {
    if (thread_.joinable()) thread_.detach();
    return;
  }
  {
    std::lock_guard lock(mutex_);
    ends_ = true;
  }
  waiting_.notify_all();
  compiler_->give_up();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const MadeCode> CodeMaker::ask(const Lowered& lowered) {
  Source source = write_source(lowered);
  if (source.kernels.empty()) return nullptr;
  auto code = std::make_shared<MadeCode>();
  code->source_ = std::move(source);
  if (when_ == When::before) {
    make(*code);
    return code;
  }
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(code);
    if (!thread_.joinable()) thread_ = std::thread(&CodeMaker::work, this);
  }
  waiting_.notify_one();
  return code;
}

void CodeMaker::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    waiting_.wait(lock, [&] { return ends_ || !queue_.empty(); });
    if (ends_) return;
    const std::shared_ptr<MadeCode> code = queue_.front().lock();
    queue_.pop_front();
    if (!code) continue;
    lock.unlock();
    make(*code);
    lock.lock();
  }
}

void CodeMaker::make(MadeCode& code) {
  const std::string key = compiler_->name() + "\n" + architecture_ + "\n" + code.source_.text;
  try {
    if (auto kept = cache_.find(key)) {
      code.image_ = std::move(*kept);
    } else {
      code.image_ = compiler_->compile(code.source_.text, architecture_);
      cache_.keep(key, code.image_);  // notes() says where that is not possible
    }
  } catch (const std::exception& error) {
    note("precompiled kernels run where code could not be made: " + std::string(error.what()));
    return;
  }
  code.source_.text = {};
  code.ready_.store(true, std::memory_order_release);
}

std::vector<std::string> CodeMaker::notes() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> lines{"code at run time by " + compiler_->name() + ", kept in " +
                                 cache_.folder().string()};
  const std::string why = cache_.unwritable();
  if (!why.empty()) lines.push_back("code is compiled anew in each process: " + why);
  lines.insert(lines.end(), notes_.begin(), notes_.end());
  if (plans_)
    lines.push_back("made code has taken over in " + std::to_string(plans_) +
                    (plans_ > 1 ? " plans" : " plan"));
  return lines;
}

void CodeMaker::note(const std::string& line) {
  std::lock_guard lock(mutex_);
  if (std::find(notes_.begin(), notes_.end(), line) == notes_.end()) notes_.push_back(line);
}

void CodeMaker::took_over() {
  std::lock_guard lock(mutex_);
  plans_++;
}

namespace {

std::string said_of_code() { return read_switch("NEURENIX_GPU_CODE", {"0", "1", "before"}); }

}  // namespace

bool makes_code() { return said_of_code() != "0"; }

CodeMaker::When when_to_make_code() {
  return said_of_code() == "before" ? CodeMaker::When::before : CodeMaker::When::beside;
}

}  // namespace phynexus::gpu
