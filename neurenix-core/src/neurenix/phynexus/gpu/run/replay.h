// A lowered plan on a device, for as long as that is not lost: its bytes, and the graphs that run it.
#pragma once

#include "../codegen/code_maker.h"
#include "../lower/launches.h"
#include "session.h"

namespace phynexus::gpu {

class Replay {
 public:
  // Takes memory in a session. The program is the caller's to upload, to `program`, then make_graphs() to be called.
  Replay(Session& session, int64_t session_number, const Lowered& lowered, int32_t executable,
         int32_t threads);
  void make_graphs(Session& session);
  // From now on the kernels of `made` run in place of the precompiled ones. Throws DriverFailure, and then nothing has
  // changed.
  void take_over(Session& session, const MadeCode& made);
  bool runs_made_code() const { return module_ != nullptr; }
  // In its session, if that is still there.
  void give_back(Session& session);

  // Puts into the compute stream what comes before a step; `bases`: those of the whole program, beginning with inputs.
  // `first`: of a call; else `ok` is that of the step before, into the table, or -1.
  void set_bases(Session& session, char* const* bases, size_t count, bool first, int32_t ok);
  // What comes after the last step: `seen` says how many were made.
  void end(Session& session, int32_t ok) { step(session, nullptr, 0, 0, StepArguments::after_step, ok); }
  // The plan itself, with the bases that were set.
  void run(Session& session, char* const* bases);
  // The same, launch by launch: f(launch, nanoseconds) after each. It waits.
  template <class F>
  void run_timed(Session& session, char* const* bases, const F& f);

  const int64_t session_number;
  char* program = nullptr;
  RunState seen() const;
  void forget_seen();
  // Whether the last run was put into the stream as a whole, and no step behind it counts it yet.
  bool is_uncounted() const { return uncounted_; }

 private:
  // Launches [first, first + count): a segment.
  struct Part {
    size_t first = 0, count = 0;
    Graph graph = nullptr;  // null: too few to be worth one
  };
  void step(Session& session, char* const* pointers, size_t first, size_t count, StepArguments::Kind kind,
            int32_t ok);
  // With the library's product behind it.
  void launch(Session& session, size_t number, char* const* bases);

  const Lowered& lowered_;
  const int32_t threads_;
  char** bases_ = nullptr;
  RunState* state_ = nullptr;
  Pinned seen_;
  bool uncounted_ = false;
  std::vector<Arguments> arguments_;
  std::vector<KernelLaunch> launches_;
  std::vector<Part> parts_;
  Module module_ = nullptr;  // of code that was made at run time
};

template <class F>
void Replay::run_timed(Session& session, char* const* bases, const F& f) {
  Driver& driver = session.driver;
  each_run(lowered_.segments, [&](size_t segment) {
    const Part& part = parts_[segment];
    driver.record(session.timer(0), session.compute);
    for (size_t k = 0; k < part.count; k++) {
      launch(session, part.first + k, bases);
      driver.record(session.timer(k + 1), session.compute);
    }
    driver.wait_for(session.timer(part.count));
    for (size_t k = 0; k < part.count; k++)
      f(part.first + k, driver.nanoseconds_between(session.timer(k), session.timer(k + 1)));
  });
}

}  // namespace phynexus::gpu
