// Lays a program out in memory, makes graphs of its launches, and replays them.
#include "replay.h"

#include <algorithm>
#include <cstring>

#include "../../engine/run/frame.h"

namespace phynexus::gpu {
namespace {

constexpr size_t fewest_in_graph = 3;  // launches

}  // namespace

Replay::Replay(Session& session, int64_t session_number, const Lowered& lowered, int32_t executable,
               int32_t threads)
    : session_number(session_number), lowered_(lowered), threads_(threads) {
  const int64_t program_bytes = round_up(int64_t(lowered.program.size()));
  const int64_t table_bytes = round_up(lowered.pointer_count * int64_t(sizeof(char*)));
  const Pinned word = session.take_word();
  try {
    for (const Launch& launch : lowered.launches) session.kernel(launch.kernel);
    program = session.take(program_bytes + table_bytes + int64_t(sizeof(RunState)), false);
  } catch (...) {
    session.give_word(word);
    throw;
  }
  seen_ = word;
  bases_ = reinterpret_cast<char**>(program + program_bytes);
  state_ = reinterpret_cast<RunState*>(program + program_bytes + table_bytes);

  const size_t count = lowered.launches.size();
  arguments_.reserve(count);
  for (size_t k = 0; k < count; k++) {
    const Launch& launch = lowered.launches[k];
    Arguments& arguments = arguments_.emplace_back(launch.arguments);
    arguments.program = program;
    arguments.bases = bases_;
    arguments.state = state_;
    arguments.progress = reinterpret_cast<int64_t*>(session.progress().device);
    arguments.mark = int64_t(executable) << 32 | int64_t(k);
    launches_.push_back({session.kernel(launch.kernel), launch.blocks, launch.threads, launch.shared_bytes,
                         &arguments, launch.level});
  }
}

void Replay::take_over(Session& session, const MadeCode& made) {
  const Module module = session.with_room([&] { return session.driver.load(made.image().data()); });
  session.keep(module);
  std::vector<KernelLaunch> before = launches_;
  std::vector<Part> parts;
  parts.swap(parts_);
  try {
    for (const MadeKernel& kernel : made.kernels())
      launches_[size_t(kernel.launch)].kernel = session.driver.find(module, kernel.name.c_str());
    make_graphs(session);
  } catch (const DriverFailure&) {
    for (const Part& part : parts_)
      if (part.graph) session.retire(part.graph);
    parts_.swap(parts);
    launches_.swap(before);
    session.retire(module);
    throw;
  }
  for (const Part& part : parts)
    if (part.graph) session.retire(part.graph);
  module_ = module;
}

void Replay::make_graphs(Session& session) {
  for (const Segment& segment : lowered_.segments) {
    Part part{size_t(segment.first), size_t(segment.count)};
    if (part.count >= fewest_in_graph) {
      const auto first = launches_.begin() + segment.first;
      part.graph =
          session.with_room([&] { return session.driver.make_graph({first, first + segment.count}); });
      session.keep(part.graph);
    }
    parts_.push_back(part);
  }
}

void Replay::give_back(Session& session) {
  for (const Part& part : parts_)
    if (part.graph) session.retire(part.graph);
  if (module_) session.retire(module_);
  session.give(program);
  session.give_word(seen_);
}

void Replay::set_bases(Session& session, char* const* bases, size_t count, bool first, int32_t ok) {
  constexpr size_t most = StepArguments::most;
  step(session, bases, 0, std::min(count, most),
       first ? StepArguments::first_of_call : StepArguments::after_step, ok);
  for (size_t at = most; at < count; at += most)
    step(session, bases, at, std::min(count - at, most), StepArguments::more_pointers, -1);
}

void Replay::step(Session& session, char* const* pointers, size_t first, size_t count,
                  StepArguments::Kind kind, int32_t ok) {
  StepArguments a;
  a.bases = bases_;
  a.state = state_;
  a.seen = reinterpret_cast<RunState*>(seen_.device);
  a.first = int32_t(first);
  a.count = int32_t(count);
  a.kind = kind;
  a.ok = ok;
  if (count) std::copy_n(pointers + first, count, a.pointers);
  KernelLaunch launch;
  launch.kernel = session.kernel("phynexus_step");
  launch.threads = std::min(threads_, 128);
  launch.argument = &a;
  session.launch(launch);
  if (kind != StepArguments::more_pointers) uncounted_ = false;
}

void Replay::launch(Session& session, size_t number, char* const* bases) {
  session.launch(launches_[number]);
  const auto& product = lowered_.launches[number].product;
  if (!product) return;
  const auto at = [&](const Pointer& place) { return bases[place.base] + place.offset; };
  session.multiply(product->sizes, at(product->out), at(product->a), at(product->b));
}

void Replay::run(Session& session, char* const* bases) {
  each_run(lowered_.segments, [&](size_t segment) {
    const Part& part = parts_[segment];
    if (part.graph) return session.launch(part.graph);
    for (size_t k = 0; k < part.count; k++) launch(session, part.first + k, bases);
  });
  uncounted_ = true;
}

RunState Replay::seen() const {
  RunState state;
  std::memcpy(&state, seen_.host, sizeof state);
  return state;
}

void Replay::forget_seen() {
  std::memset(seen_.host, 0, sizeof(RunState));
  uncounted_ = false;
}

}  // namespace phynexus::gpu
