// Runs a plan once, or several times without the host between.
#include "executable.h"

#include <algorithm>
#include <deque>

#include "../../engine/plan/in_instruction.h"
#include "../../engine/run/frame.h"

namespace phynexus::gpu {

GpuExecutable::GpuExecutable(GpuEngine& engine, std::unique_ptr<const Plan> plan)
    : Executable(std::move(plan)), engine_(engine), aliases_(size_t(plan_->whole_program().outputs), -1) {
  lowered_ = lower_plan(*plan_, engine_.target(), &aliases_);
  number_ = engine_.enlist(*this);
}

GpuExecutable::~GpuExecutable() {
  engine_.strike(number_);
  if (replay_)
    engine_.if_living(replay_->session_number, [&](Session& session) { replay_->give_back(session); });
}

std::string GpuExecutable::describe_launch(int64_t launch) const {
  if (launch < 0 || launch >= int64_t(lowered_.launches.size())) return "";
  const std::vector<int32_t>& all = lowered_.launches[size_t(launch)].instructions;
  std::string text = all.size() > 1 ? ", in one of " : ", in ";
  constexpr size_t most = 4;
  for (size_t k = 0; k < std::min(all.size(), most); k++)
    text += (k ? ", " : "") + describe_instruction(*plan_, all[k]);
  return all.size() > most ? text + format(" and %zu more", all.size() - most) : text;
}

// Which input each output shares its memory with. The plan is lowered for that: what runs side by side depends on it.
std::vector<int32_t> GpuExecutable::aliases_of(char* const* bases) const {
  const phx_region& whole = plan_->whole_program();
  char* const* inputs = bases + base_first_input;
  char* const* outputs = inputs + whole.inputs;
  std::vector<int32_t> aliases(size_t(whole.outputs), -1);
  for (int32_t k = 0; k < whole.outputs; k++) {
    if (!plan_->output_bytes[size_t(k)]) continue;
    const auto found = std::find(inputs, inputs + whole.inputs, outputs[k]);
    if (found != inputs + whole.inputs) aliases[size_t(k)] = int32_t(found - inputs);
  }
  return aliases;
}

void GpuExecutable::prepare(Series& series) {
  char* const* bases = series.bases();
  const phx_region& whole = plan_->whole_program();
  engine_.refuse_dead(reinterpret_cast<const void* const*>(bases + base_first_input),
                      size_t(whole.inputs + whole.outputs));
  std::vector<int32_t> aliases = aliases_of(bases);
  if (aliases != aliases_) lower(aliases);
  if (!replay_ || replay_->session_number != engine_.session_number()) load();
}

void GpuExecutable::lower(const std::vector<int32_t>& aliases) {
  if (replay_)
    engine_.if_living(replay_->session_number, [&](Session& session) { replay_->give_back(session); });
  replay_.reset();
  Lowered lowered = lower_plan(*plan_, engine_.target(), &aliases);
  engine_.alone([&] { lowered_ = std::move(lowered); });  // a fault that is found now describes it
  aliases_ = aliases;
  made_.reset();
  calls_ = 0;
}

void GpuExecutable::load() {
  replay_.reset();
  int64_t session_number = GpuEngine::any;
  if (lowered_.has_library_products) {
    session_number = engine_.open_products();
    if (session_number == GpuEngine::any) lower(std::vector(aliases_));  // without them
  }
  const int32_t threads = engine_.target().threads;
  std::unique_ptr<Replay> made;
  engine_.in_session(session_number, [&](Session& session) {
    made = std::make_unique<Replay>(session, engine_.session_number(), lowered_, number_, threads);
  });
  try {
    engine_.upload(made->program, lowered_.program.data(), int64_t(lowered_.program.size()));
    engine_.in_session(made->session_number, [&](Session& session) { made->make_graphs(session); });
  } catch (...) {
    engine_.if_living(made->session_number, [&](Session& session) { made->give_back(session); });
    throw;
  }
  replay_ = std::move(made);
}

void GpuExecutable::improve(bool several) {
  constexpr int64_t enough = 16;  // most plans of single operations never run so often
  CodeMaker* maker = engine_.maker();
  if (!maker || replay_->runs_made_code()) return;
  if (calls_ >= 0 && (++calls_ >= enough || several || maker->when() == CodeMaker::When::before)) {
    made_ = maker->ask(lowered_);
    calls_ = -1;
  }
  if (!made_ || !made_->ready()) return;
  engine_.in_session(replay_->session_number, [&](Session& session) {
    try {
      replay_->take_over(session, *made_);
      maker->took_over();
    } catch (const DriverFailure& failure) {
      if (failure.lost) throw;
      maker->note("precompiled kernels run where the driver refused made code: " +
                  std::string(failure.what()));
      made_.reset();
    }
  });
}

void GpuExecutable::begin(Session& session, Series& series, bool first) {
  char** bases = series.bases();
  const phx_region& whole = plan_->whole_program();
  bases[base_scratch] = session.scratch(lowered_.scratch_bytes);
  bases[base_constants] = replay_->program + lowered_.constants;
  session.wait_for_copies();
  replay_->set_bases(session, bases, size_t(base_first_input + whole.inputs + whole.outputs), first,
                     first || !series.ok_base() ? -1 : series.ok_base());
}

void GpuExecutable::execute(Series& series) {
  engine_.refuse_fork();
  std::lock_guard lock(entered_);
  prepare(series);
  improve(series.several());
  if (engine_.profiling.load(std::memory_order_relaxed)) run_timed(series);
  else if (series.several()) run_several(series);
  else run_once(series);
}

void GpuExecutable::run_once(Series& series) {
  engine_.in_session(replay_->session_number, [&](Session& session) {
    begin(session, series, true);
    replay_->run(session, series.bases());
    session.timeline.mark();
  });
}

// Steps are put into the stream one behind the other; the host only sees to it that not too many wait there, since a
// call ends, when its time is up, with all that it has asked for.
void GpuExecutable::run_several(Series& series) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t fewest = 2, most = 32;
  constexpr auto ahead = std::chrono::milliseconds(10);  // of work that waits
  const int64_t before = series.done(), session_number = replay_->session_number;
  const int32_t ok = series.ok_base() ? series.ok_base() : -1;
  const Clock::time_point start = Clock::now();
  std::deque<Event> waiting;
  int64_t ended = 0;
  size_t allowed = fewest;
  const auto wait_for = [&](Event event) {
    engine_.beside(session_number, [&](Session& session) { session.driver.wait_for(event); });
  };
  replay_->forget_seen();
  const auto settle = [&] {
    const RunState seen = replay_->seen();
    series.settle(before + seen.steps, seen.stopped);
  };
  try {
    bool first = true;
    do {
      engine_.in_session(session_number, [&](Session& session) {
        begin(session, series, first);
        replay_->run(session, series.bases());
        waiting.push_back(session.timeline.mark());
      });
      first = false;
      if (waiting.size() < allowed) continue;
      wait_for(waiting.front());
      waiting.pop_front();
      const auto each = (Clock::now() - start) / ++ended;
      allowed = size_t(std::clamp<int64_t>(ahead / std::max(each, Clock::duration(1)), fewest, most));
    } while (series.next(true));
    Event last = nullptr;
    engine_.in_session(session_number, [&](Session& session) {
      replay_->end(session, ok);
      last = session.timeline.mark();
    });
    wait_for(last);
  } catch (...) {
    series.settle(before, false);  // where the device is lost: nothing is left of what was made
    engine_.if_living(session_number, [&](Session& session) {
      session.wait_for_all();
      settle();
      if (!replay_->is_uncounted()) return;
      replay_->end(session, ok);
      session.wait_for_all();
      settle();
    });
    throw;
  }
  settle();
}

// One launch after the other, with the host between: a launch's time is shared among its instructions.
void GpuExecutable::run_timed(Series& series) {
  costs_.resize(plan_->instructions.size());
  bool ok = true;
  do {
    engine_.in_session(replay_->session_number, [&](Session& session) {
      begin(session, series, true);
      replay_->run_timed(session, series.bases(), [&](size_t launch, int64_t nanoseconds) {
        const std::vector<int32_t>& all = lowered_.launches[launch].instructions;
        for (const int32_t instruction : all) {
          costs_[size_t(instruction)].count++;
          costs_[size_t(instruction)].nanoseconds += nanoseconds / int64_t(all.size());
        }
      });
      replay_->end(session, series.ok_base() ? series.ok_base() : -1);
      session.timeline.mark();
      session.driver.wait_for(session.compute);
    });
    ok = !replay_->seen().stopped;
  } while (series.next(ok));
}

void GpuExecutable::read_costs(phx_cost* costs) {
  engine_.refuse_fork();
  std::lock_guard lock(entered_);
  costs_.resize(plan_->instructions.size());
  std::copy(costs_.begin(), costs_.end(), costs);
  std::fill(costs_.begin(), costs_.end(), phx_cost{0, 0});
}

}  // namespace phynexus::gpu
