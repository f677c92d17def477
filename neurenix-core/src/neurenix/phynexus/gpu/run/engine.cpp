// Opens a device, copies in order with runs, and says what was lost with it.
#include "engine.h"

#include <algorithm>
#include <cstring>

#include "executable.h"
#include "forks.h"

namespace phynexus::gpu {

GpuEngine::GpuEngine(Binding binding)
    : binding_(std::move(binding)),
      products_(std::move(binding_.find_products), std::move(binding_.no_products)),
      forks_(forks()) {
  const DeviceFacts& facts = binding_.driver->facts();
  target_.multiprocessors = facts.multiprocessors;
  target_.shared_bytes = facts.shared_bytes;
  target_.threads = binding_.threads;
  target_.tensor_cores = binding_.tensor_cores;
  target_.library_rounds = binding_.library_rounds;
  target_.lanes = binding_.lanes;
  target_.least_of_library = binding_.least_of_library;
  if (makes_code() && binding_.compiler)
    maker_ = std::make_unique<CodeMaker>(std::move(binding_.compiler), facts.architecture,
                                         cache_folder(binding_.cache.c_str()), when_to_make_code());
  std::lock_guard lock(mutex_);
  open();
}

GpuEngine::~GpuEngine() {
  if (is_forked()) {
    // The parent's streams and threads are no business of this process, nor can it reach them.
    (void)maker_.release();
    (void)session_.release();
    (void)binding_.driver.release();
    return;
  }
  if_living(session_number_, [&](Session&) { session_.reset(); });
}

bool GpuEngine::is_forked() const { return forks() != forks_; }

void GpuEngine::refuse_fork() const {
  if (is_forked())
    throw Failure(
        PHX_DEVICE_ERROR,
        "a GPU does not work in a process that was forked after it was used: start processes with 'spawn'");
}

void GpuEngine::open() {
  std::unique_lock living(living_);
  if (lost_.empty()) open_first();
  if (!session_) open_again();
  lost_.clear();
  session_number_++;
}

void GpuEngine::open_session() {
  const Entered in(*binding_.driver);
  session_ = std::make_unique<Session>(*binding_.driver, binding_.image, dead_);
}

// Where the device was broken before, by another engine or library of this process, it counts as lost from now on. What
// still works is not thrown away for one call that failed: it may have others' memory.
void GpuEngine::open_first() {
  const std::string& name = binding_.driver->facts().name;
  try {
    open_session();
  } catch (const DriverFailure& failure) {
    if (failure.status == PHX_OUT_OF_MEMORY || (!failure.lost && answers()))
      throw Failure(failure.status, name + " does not open: " + failure.what());
    lost_ = name + " was broken before it was opened: " + failure.what();
  }
}

void GpuEngine::open_again() {
  try {
    binding_.driver->reopen();
    open_session();
  } catch (const Failure& failure) {
    throw Failure(failure.status, lost_ + "; it does not open again: " + failure.what() +
                                      "; a new process may have it, else restart the machine");
  }
}

bool GpuEngine::answers() const {
  try {
    const Entered in(*binding_.driver);
    (void)binding_.driver->free_memory();
    return true;
  } catch (const DriverFailure&) {
    return false;
  }
}

void GpuEngine::revive() {
  in_session(any, [](Session&) {});
}

std::string GpuEngine::notes() const {
  refuse_fork();
  std::string text = binding_.runs_on + "\n";
  if (!makes_code()) text += "no code at run time: NEURENIX_GPU_CODE=0\n";
  else if (!maker_)
    text += "no code at run time, precompiled kernels run everything: " + binding_.no_compiler + "\n";
  else
    for (const std::string& line : maker_->notes()) text += line + "\n";
  std::lock_guard lock(mutex_);
  const bool rounds = binding_.precisions != 1u << PHX_PRODUCTS_FLOAT32;
  return rounds ? text + products_.note() + "\n" : text;
}

int64_t GpuEngine::open_products() {
  return in_session(any, [&](Session& session) -> int64_t {
    if (session.has_products()) return session_number_;
    ProductLibrary* const library = products_.get();
    try {
      if (library) session.open(*library);
    } catch (const Failure& failure) {
      session.wait_for_all();  // a device that is lost says so
      products_.give_up(library->name() + " does not open: " + failure.what());
    }
    if (session.has_products()) return session_number_;
    target_.least_of_library = 0;
    return any;
  });
}

// What failed half-way may have put work into the streams that no event is behind: nobody may have its memory before it
// is done. A device where that cannot be waited for is lost, whatever the failure was called.
bool GpuEngine::still_works() const {
  if (!session_) return true;
  try {
    const Entered in(*binding_.driver);
    session_->wait_for_all();
    return true;
  } catch (const DriverFailure& failure) {
    if (failure.reset) binding_.driver->forget();
    return false;
  }
}

void GpuEngine::surface(const DriverFailure& failure) {
  if (!failure.lost && still_works()) throw Failure(failure.status, failure.what());
  if (failure.reset) binding_.driver->forget();
  const std::string place = place_of_fault();
  lost_ = binding_.driver->facts().name + " was lost: " + failure.what() + place;
  std::unique_lock living(living_);
  session_number_++;
  if (session_) {
    for (const void* pointer : session_->memory.held_by_host()) dead_.insert(pointer);
    try {
      const Entered in(*binding_.driver);
      session_.reset();
    } catch (const DriverFailure&) {
      session_.reset();  // not even to be entered
    }
  }
  throw Failure(PHX_DEVICE_ERROR,
                lost_ +
                    "; what lay on it is gone: call nx.init, which may open it again (if not, a new process "
                    "may), then make it again or load your last checkpoint");
}

void GpuEngine::refuse_lost() const {
  throw Failure(PHX_DEVICE_ERROR, binding_.driver->facts().name + " was lost while this went on");
}

// The launch that began last is in pinned memory, which outlives a fault, but no reset.
std::string GpuEngine::place_of_fault() const {
  if (!session_ || binding_.driver->is_reset()) return "";
  int64_t mark = 0;
  std::memcpy(&mark, session_->progress().host, sizeof mark);
  const auto found = executables_.find(int32_t(mark >> 32));
  return found == executables_.end() ? "" : found->second->describe_launch(mark & 0xffffffff);
}

void GpuEngine::refuse_dead(const void* const* pointers, size_t count) const {
  refuse_fork();
  std::lock_guard lock(mutex_);
  if (dead_.empty()) return;
  for (size_t k = 0; k < count; k++)
    if (dead_.contains(pointers[k]))
      refuse("a tensor lay on " + binding_.driver->facts().name +
             " when that was lost, and is gone: make it again, or load your last checkpoint");
}

int32_t GpuEngine::enlist(const GpuExecutable& executable) {
  refuse_fork();
  std::lock_guard lock(mutex_);
  executables_[++executables_made_] = &executable;
  return executables_made_;
}

void GpuEngine::strike(int32_t number) {
  if (is_forked()) return;
  std::lock_guard lock(mutex_);
  executables_.erase(number);
}

void* GpuEngine::allocate(int64_t bytes) {
  return in_session(any, [&](Session& session) {
    char* memory = session.take(bytes, true);
    peak_ = std::max(peak_, session.memory.host_bytes());
    return memory;
  });
}

void GpuEngine::release(void* pointer) {
  if (is_forked()) return;
  std::lock_guard lock(mutex_);
  if (dead_.erase(pointer)) return;
  if (!session_ || !session_->give(pointer))
    refuse("release: this pointer is none that allocate() gave, or it was released before");
}

void GpuEngine::memory_stats(phx_memory_stats& out) const {
  refuse_fork();
  std::lock_guard lock(mutex_);
  if (!session_) return;
  const Allocator& memory = session_->memory;
  out.allocated_bytes = memory.host_bytes();
  out.peak_bytes = peak_;
  out.arena_bytes = memory.used_bytes() - memory.host_bytes();  // scratch, and what executables replay
  out.cached_bytes = memory.reserved_bytes() - memory.used_bytes();
}

void GpuEngine::check_place(Session& session, const void* device, int64_t bytes) const {
  if (dead_.contains(device)) refuse("this memory was lost with the device, and is gone");
  if (session.memory.use_of(static_cast<const char*>(device)).bytes < bytes)
    refuse(format("a copy of %lld bytes leaves the memory that allocate() gave on %s",
                  static_cast<long long>(bytes), binding_.driver->facts().name.c_str()));
}

void GpuEngine::upload(void* device, const void* host, int64_t bytes) {
  refuse_fork();
  std::lock_guard one(uploads_);
  char* to = static_cast<char*>(device);
  const char* from = static_cast<const char*>(host);
  int64_t number = 0;
  StagingPiece* piece = nullptr;
  const auto next_piece = [&](Session& session) {
    piece = session.with_room([&] { return &session.uploads.next(session.driver); });
  };
  in_session(any, [&](Session& session) {
    number = session_number_;
    check_place(session, device, bytes);
    // Where no run was asked for since the memory was taken, it is enough that its former owner is done with it.
    const Allocator::Use use = session.memory.use_of(to);
    const int64_t latest = session.timeline.latest();
    session.wait_for_run(use.taken == latest ? use.free_since : latest);
    next_piece(session);
  });
  for (int64_t done = 0; done < bytes;) {
    const int64_t part = std::min(bytes - done, StagingPiece::bytes);
    beside(number, [&](Session& session) {
      session.driver.wait_for(piece->copied);
      std::memcpy(piece->memory->host, from + done, size_t(part));
    });
    in_session(number, [&](Session& session) {
      session.driver.copy_in(to + done, piece->memory->host, part, session.copies);
      session.driver.record(piece->copied, session.copies);
      session.copied_in();
      done += part;
      if (done < bytes) next_piece(session);
    });
  }
}

void GpuEngine::download(void* host, const void* device, int64_t bytes) {
  refuse_fork();
  std::lock_guard one(downloads_);
  const char* from = static_cast<const char*>(device);
  char* to = static_cast<char*>(host);
  int64_t number = 0, asked = 0;
  StagingPiece* pieces[2] = {};
  const auto ask = [&](Session& session, int turn) {
    if (asked >= bytes) return;
    const int64_t part = std::min(bytes - asked, StagingPiece::bytes);
    pieces[turn] = session.with_room([&] { return &session.downloads.next(session.driver); });
    session.driver.copy_out(pieces[turn]->memory->host, from + asked, part, session.copies);
    session.driver.record(pieces[turn]->copied, session.copies);
    asked += part;
  };
  in_session(any, [&](Session& session) {
    number = session_number_;
    check_place(session, device, bytes);
    session.wait_for_run(session.timeline.latest());
    ask(session, 0);
    ask(session, 1);
  });
  int turn = 0;
  for (int64_t done = 0; done < bytes; turn = 1 - turn) {
    const int64_t part = std::min(bytes - done, StagingPiece::bytes);
    beside(number, [&](Session& session) {
      session.driver.wait_for(pieces[turn]->copied);
      std::memcpy(to + done, pieces[turn]->memory->host, size_t(part));
    });
    done += part;
    if (asked < bytes) in_session(number, [&](Session& session) { ask(session, turn); });
  }
}

std::unique_ptr<Executable> GpuEngine::compile(std::unique_ptr<const Plan> plan) {
  return std::make_unique<GpuExecutable>(*this, std::move(plan));
}

void GpuEngine::set_precision(int32_t precision) {
  alone([&] { target_.precision = precision; });
}

void GpuEngine::synchronize() {
  int64_t number = 0;
  in_session(any, [&](Session&) { number = session_number_; });
  beside(number, [](Session& session) { session.wait_for_all(); });
}

}  // namespace phynexus::gpu
