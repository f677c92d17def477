// run_steps against as many calls of run, and what a profile counts.
#include <cmath>
#include <thread>

#include "plan_builder.h"

namespace engine_test {
namespace {

constexpr int32_t f32 = PHX_FLOAT32;
constexpr int64_t n = 6, tasks = 5;

// state' = state + sum over tasks of (x * state), y = state', ok = all(x finite); state in place.
struct Program {
  phx_executable* executable = nullptr;

  explicit Program(int threads) {
    Builder b;
    const phx_value state = dense(f32, {n}, PHX_INPUT, 0), x = dense(f32, {n}, PHX_INPUT, 1),
                    product = dense(f32, {n}, PHX_OUTPUT, 0);
    b.add(PHX_FUSED, {state, x}, {&product}, {1, 1, 0, 1, n, PHX_MUL, f32, 0, 1, -1, 0, 2, 0});
    const int32_t body = b.region(2, 1, 0);
    const phx_value xs = dense(f32, {tasks, n}, PHX_INPUT, 1), sum = dense(f32, {n}, PHX_SCRATCH),
                    next = dense(f32, {n}, PHX_OUTPUT, 0), y = dense(f32, {n}, PHX_OUTPUT, 1),
                    ok = value(PHX_BOOL, {1, 1}, {0, 0}, PHX_OUTPUT, 2);
    b.add(PHX_FUSED, {xs}, {&ok}, {1, 1, 3, 2, tasks, n, PHX_IS_FINITE, PHX_BOOL, 0, -1, -1, 0, 1, PHX_ALL});
    b.add(PHX_MAP, {state, xs}, {&sum}, {tasks, 0, 0, 1, 1}, body);
    b.add(PHX_FUSED, {state, sum}, {&next, &y}, {1, 2, 0, 1, n, PHX_ADD, f32, 0, 1, -1, 0, 2, 0, 2, 0});
    b.region(2, 3, 64);
    b.input_bytes = {n * 4, tasks * n * 4};
    b.output_bytes = {n * 4, n * 4, 1};
    const phx_plan plan = b.plan();
    CHECK(api().compile(shared_engine(threads), &plan, &executable) == PHX_OK, "%s", api().last_error());
  }
  ~Program() { api().release_executable(executable); }
};

struct Data {
  int64_t count;
  Bytes state, xs, ys, oks;
  void *in[2], *out[3];
  int64_t in_strides[2] = {0, tasks * n * 4}, out_strides[3] = {0, n * 4, 1};

  explicit Data(int64_t steps)
      : count(steps),
        state(n * 4),
        xs(size_t(steps * tasks * n * 4)),
        ys(size_t(steps * n * 4)),
        oks(size_t(steps), 7) {
    for (int64_t i = 0; i < n; i++) set(state.data(), f32, i, 1 + 0.1 * double(i));
    for (int64_t i = 0; i < steps * tasks * n; i++) set(xs.data(), f32, i, 0.1 * std::sin(double(i)));
    point_at(0);
  }
  void point_at(int64_t step) {
    in[0] = out[0] = state.data();
    in[1] = xs.data() + step * in_strides[1];
    out[1] = ys.data() + step * out_strides[1];
    out[2] = oks.data() + step;
  }
  phx_steps steps() {
    phx_steps s{};
    s.struct_size = sizeof s;
    s.inputs = in;
    s.outputs = out;
    s.input_strides = in_strides;
    s.output_strides = out_strides;
    s.count = count;
    s.ok_output = -1;
    return s;
  }
  bool operator==(const Data& other) const {
    return state == other.state && ys == other.ys && oks == other.oks;
  }
};

void one_by_one(const Program& program, Data& data, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    data.point_at(i);
    CHECK(api().run(program.executable, data.in, data.out) == PHX_OK, "%s", api().last_error());
  }
  data.point_at(0);
}

void as_single_runs(int threads) {
  Program program(threads);
  for (int64_t count : {1, 2, 9}) {
    Data single(count), several(count), in_pieces(count);
    one_by_one(program, single, count);
    phx_steps s = several.steps();
    const int64_t runs = api().run_count(shared_engine(threads));
    CHECK(api().run_steps(program.executable, &s) == PHX_OK, "%s", api().last_error());
    CHECK(api().run_count(shared_engine(threads)) - runs == 1, "one crossing, one run");
    CHECK(s.done == count && !s.stopped && several == single, "%lld steps", static_cast<long long>(count));

    phx_steps piece = in_pieces.steps();
    piece.nanoseconds = 1;  // always over: one step a call
    for (int64_t i = 0; i < count; i++) {
      CHECK(api().run_steps(program.executable, &piece) == PHX_OK, "%s", api().last_error());
      CHECK(piece.done == i + 1, "it goes on where it ended");
    }
    CHECK(in_pieces == single, "in pieces");
  }
}

void stops_where_told(int threads) {
  Program program(threads);
  Data data(8), expected(8);
  for (Data* d : {&data, &expected}) set(d->xs.data() + 4 * d->in_strides[1], f32, 3, INFINITY);
  one_by_one(program, expected, 5);
  phx_steps s = data.steps();
  s.ok_output = 2;
  CHECK(api().run_steps(program.executable, &s) == PHX_OK, "%s", api().last_error());
  CHECK(s.done == 5 && s.stopped == 1 && data == expected, "done %lld", static_cast<long long>(s.done));
}

void refusals() {
  Program program(1);
  const auto refused = [&](const char* what, auto spoil) {
    Data data(3), untouched(3);
    phx_steps s = data.steps();
    spoil(s, data);
    CHECK(api().run_steps(program.executable, &s) == PHX_INVALID_ARGUMENT, "%s", what);
    CHECK(data == untouched, "%s: something was changed", what);
  };
  CHECK(api().run_steps(program.executable, nullptr) == PHX_INVALID_ARGUMENT, "no steps");
  refused("a small struct", [](phx_steps& s, Data&) { s.struct_size = 8; });
  refused("no inputs", [](phx_steps& s, Data&) { s.inputs = nullptr; });
  refused("no strides", [](phx_steps& s, Data&) { s.output_strides = nullptr; });
  refused("steps that overlap", [](phx_steps&, Data& d) { d.out_strides[1] = n * 4 - 4; });
  refused("backwards", [](phx_steps&, Data& d) { d.in_strides[1] = -64; });
  refused("unaligned", [](phx_steps&, Data& d) { d.in_strides[1] = tasks * n * 4 + 1; });
  refused("too many done", [](phx_steps& s, Data&) { s.done = 4; });
  refused("an ok of four bytes", [](phx_steps& s, Data&) { s.ok_output = 1; });
  refused("an ok that is no output", [](phx_steps& s, Data&) { s.ok_output = 3; });
  phx_cost costs[4];
  CHECK(api().read_profile(program.executable, costs, 3) == PHX_INVALID_ARGUMENT, "room for three of four");
  CHECK(api().read_profile(program.executable, nullptr, 4) == PHX_INVALID_ARGUMENT, "no room");
}

void profiles(int threads) {
  Program program(threads);
  Data plain(7), watched(7);
  phx_engine* engine = shared_engine(threads);
  phx_cost costs[4];
  const auto read = [&] {
    CHECK(api().read_profile(program.executable, costs, 4) == PHX_OK, "%s", api().last_error());
  };
  phx_steps s = plain.steps();
  api().run_steps(program.executable, &s);
  read();
  for (const phx_cost& cost : costs) CHECK(cost.count == 0 && cost.nanoseconds == 0, "it was off");

  api().set_profiling(engine, 1);
  s = watched.steps();
  api().run_steps(program.executable, &s);
  api().set_profiling(engine, 0);
  CHECK(plain == watched, "a watch changes what is computed");
  read();
  CHECK(costs[0].count == 7 * tasks, "%lld in the map", static_cast<long long>(costs[0].count));
  for (int i = 1; i < 4; i++)
    CHECK(costs[i].count == 7, "%lld outside", static_cast<long long>(costs[i].count));
  for (const phx_cost& cost : costs) CHECK(cost.nanoseconds >= 0, "time goes forwards");
  read();
  for (const phx_cost& cost : costs) CHECK(cost.count == 0, "they start again");

  // Run by several threads at once, while another switches it off and on, and reads.
  api().set_profiling(engine, 1);
  std::vector<std::thread> others;
  for (int t = 0; t < 3; t++)
    others.emplace_back([&] {
      for (int i = 0; i < 20; i++) {
        Data mine(7);
        phx_steps more = mine.steps();
        api().run_steps(program.executable, &more);
        CHECK(mine == plain, "other threads");
      }
    });
  int64_t counted = 0;
  api().set_profiling(engine, 0);
  api().set_profiling(engine, 1);
  for (std::thread& other : others) {
    other.join();
    read();
    counted += costs[3].count;
  }
  api().set_profiling(engine, 0);
  CHECK(counted > 0 && counted <= 3 * 20 * 7, "%lld counted", static_cast<long long>(counted));
}

}  // namespace

void test_steps() {
  for (int threads : {1, 2}) {
    as_single_runs(threads);
    stops_where_told(threads);
    profiles(threads);
  }
  refusals();
}

}  // namespace engine_test
