// Plans with regions, lowered and run on the emulator: calls, scans unrolled and as loops, maps as tasks with their
// sums, levels and what waits for what.
//   lower_test missing K: tasks without their barrier K
#include <algorithm>
#include <cmath>

#include "binary_chain.h"
#include "emulated_plan.h"
#include "engine/run/sum_tree.h"

using namespace emulated;
using engine_test::dense;
using engine_test::failures;
using engine_test::value;
using Plans = engine_test::Builder;

namespace {

phx_value input(int index, const engine_test::Shape& shape, int64_t offset = 0) {
  return dense(PHX_FLOAT32, shape, PHX_INPUT, index, offset);
}
phx_value output(int index, const engine_test::Shape& shape) {
  return dense(PHX_FLOAT32, shape, PHX_OUTPUT, index);
}
phx_value scratch(int64_t offset, const engine_test::Shape& shape) {
  return dense(PHX_FLOAT32, shape, PHX_SCRATCH, 0, offset);
}

// out = x @ y
void add_product(Plans& b, const phx_value& x, const phx_value& y, const phx_value& out) {
  b.add(PHX_DOT_GENERAL, {x, y}, {&out}, {0, 1, 1, 1});
}

std::vector<float> numbers(size_t count, int seed = 1) {
  std::vector<float> x(count);
  for (size_t k = 0; k < count; k++) x[k] = float((k * 7919 + size_t(seed) * 104729) % 1009) / 313 - 1.5f;
  return x;
}

void expect_ran(const EmulatedPlan& plan, const std::vector<void*>& inputs,
                const std::vector<void*>& outputs) {
  const std::string wrong = plan.run(inputs, outputs);
  CHECK(wrong.empty(), "%s", wrong.c_str());
}

// (a + b) * (a - b), in two levels: one launch for both sums, the product in its tail.
void what_waits_for_nothing_goes_together() {
  Plans b;
  add_binary(b, PHX_ADD, input(0, {100}), input(1, {100}), scratch(0, {100}));
  add_binary(b, PHX_SUB, input(0, {100}), input(1, {100}), scratch(512, {100}));
  add_binary(b, PHX_MUL, scratch(0, {100}), scratch(512, {100}), output(0, {100}));
  b.region(2, 1, 1024);
  b.input_bytes = {400, 400}, b.output_bytes = {400};
  const EmulatedPlan plan(b, small_target());
  CHECK(plan.lowered.launches.size() == 1 && plan.levels() == 2, "%zu launches",
        plan.lowered.launches.size());
  std::vector<float> x = numbers(100), y = numbers(100, 2), z(100);
  expect_ran(plan, {x.data(), y.data()}, {z.data()});
  for (size_t k = 0; k < 100; k++) CHECK(z[k] == (x[k] + y[k]) * (x[k] - y[k]), "element %zu: %g", k, z[k]);
}

// out = the sum of x over all of its one axis
void add_sum(Plans& b, const phx_value& x, const phx_value& out) {
  b.add(PHX_FUSED, {x}, {&out}, {0, 1, 1, 1, x.shape[0], 0, PHX_SUM});
}

// The plan has both chains go through one place in scratch, one after the other.
void chains_that_share_memory_in_turn_go_side_by_side() {
  Plans b;
  const int n = 50000;
  for (int k = 0; k < 2; k++) {
    add_binary(b, PHX_ADD, input(k, {n}), input(k, {n}), scratch(0, {n}));
    add_binary(b, PHX_MUL, scratch(0, {n}), input(k, {n}), output(k, {n}));
  }
  b.region(2, 2, 4 * n);
  b.input_bytes = b.output_bytes = {4 * n, 4 * n};
  const std::vector<int32_t> apart(2, -1);
  const EmulatedPlan plan(b, small_target(), &apart);
  CHECK(plan.levels() == 2 && plan.lowered.launches.size() == 2, "%d levels", plan.levels());
  CHECK(plan.lowered.scratch_bytes >= 8 * n && plan.lowered.scratch_bytes < 9 * n, "%lld bytes",
        (long long)plan.lowered.scratch_bytes);
  std::vector<float> x = numbers(n), y = numbers(n, 2), u(n), v(n);
  expect_ran(plan, {x.data(), y.data()}, {u.data(), v.data()});
  for (size_t k = 0; k < n; k += 999)
    CHECK(u[k] == 2 * x[k] * x[k] && v[k] == 2 * y[k] * y[k], "element %zu: %g and %g", k, u[k], v[k]);
}

// A hundred chains side by side would take a hundred times the memory: they keep to the plan's.
void too_much_memory_side_by_side_is_not_taken() {
  Plans b;
  const int n = 100000, chains = 100;
  for (int k = 0; k < chains; k++) {
    add_binary(b, PHX_ADD, input(0, {n}), input(0, {n}), scratch(0, {n}));
    add_sum(b, scratch(0, {n}), dense(PHX_FLOAT32, {1}, PHX_OUTPUT, 0, 4 * k));
  }
  b.region(1, 1, 4 * n);
  b.input_bytes = {4 * n}, b.output_bytes = {4 * chains};
  const std::vector<int32_t> apart(1, -1);
  const EmulatedPlan plan(b, small_target(), &apart);
  CHECK(plan.lowered.scratch_bytes < 8 * n, "%lld bytes", (long long)plan.lowered.scratch_bytes);
  CHECK(plan.levels() >= 2 * chains, "%d levels", plan.levels());
}

// A concatenation is written in parts, with gaps: they stay together, and what lay there before is over.
void parts_of_a_value_stay_together() {
  Plans b;
  const auto part = [](phx_value v, int64_t first) {
    v.strides[0] = 8;
    v.offset += 4 * first;
    return v;
  };
  add_binary(b, PHX_ADD, input(0, {16, 4}), input(0, {16, 4}), scratch(0, {16, 4}));
  add_binary(b, PHX_MUL, scratch(0, {16, 4}), input(0, {16, 4}), scratch(512, {16, 4}));
  add_binary(b, PHX_ADD, input(0, {16, 4}), scratch(512, {16, 4}), part(scratch(0, {16, 4}), 0));
  add_binary(b, PHX_SUB, input(0, {16, 4}), scratch(512, {16, 4}), part(scratch(0, {16, 4}), 4));
  add_binary(b, PHX_MUL, scratch(0, {16, 8}), scratch(0, {16, 8}), output(0, {16, 8}));
  b.region(1, 1, 1024);
  b.input_bytes = {256}, b.output_bytes = {512};
  const EmulatedPlan plan(b, small_target());
  std::vector<float> x = numbers(64), z(128);
  expect_ran(plan, {x.data()}, {z.data()});
  for (size_t i = 0; i < 16; i++)
    for (size_t j = 0; j < 8; j++) {
      const float a = x[i * 4 + j % 4], m = (a + a) * a, y = j < 4 ? a + m : a - m;
      CHECK(z[i * 8 + j] == y * y, "element %zu %zu: %g", i, j, z[i * 8 + j]);
    }
}

// A long sum's second pass, and what follows, run in the last block of the first pass.
void small_levels_are_a_tail() {
  Plans b;
  const int n = 20000;
  add_sum(b, input(0, {n}), scratch(0, {1}));
  add_binary(b, PHX_MUL, scratch(0, {1}), scratch(0, {1}), scratch(64, {1}));
  add_binary(b, PHX_ADD, scratch(64, {1}), scratch(0, {1}), output(0, {1}));
  b.region(1, 1, 128);
  b.input_bytes = {4 * n}, b.output_bytes = {4};
  const EmulatedPlan plan(b, small_target());
  CHECK(plan.lowered.launches.size() == 1 && plan.levels() >= 4, "%zu launches, %d levels",
        plan.lowered.launches.size(), plan.levels());
  CHECK(plan.lowered.launches[0].blocks > 1, "%lld blocks", (long long)plan.lowered.launches[0].blocks);
  std::vector<float> x(n, 0.25f), z(1);
  expect_ran(plan, {x.data()}, {z.data()});
  CHECK(z[0] == 5000.0f * 5000.0f + 5000.0f, "%g", z[0]);
}

// State is replaced in place: an output waits for the reads of its input, or of all where nobody says which it shares.
void an_output_waits_for_the_reads_of_an_input_in_its_place() {
  Plans b;
  for (int k = 0; k < 4; k++) add_binary(b, PHX_ADD, input(k, {8}), input(k, {8}), output(k, {8}));
  add_binary(b, PHX_MUL, input(0, {8}), input(1, {8}), output(4, {8}));
  b.region(4, 5, 0);
  b.input_bytes.assign(4, 32), b.output_bytes.assign(5, 32);
  CHECK(EmulatedPlan(b, small_target()).levels() == 5, "anything may be anywhere");
  const std::vector<int32_t> apart(5, -1), same{-1, -1, 2, 3, 0};
  CHECK(EmulatedPlan(b, small_target(), &apart).levels() == 1, "nothing is shared");
  CHECK(EmulatedPlan(b, small_target(), &same).levels() == 2, "the last replaces the first's input");
}

// f(x, y) = x + y, called twice in a row with other places.
void calls_are_inlined() {
  Plans b;
  add_binary(b, PHX_ADD, input(0, {10}), input(1, {10}), scratch(0, {10}));
  add_binary(b, PHX_ADD, scratch(0, {10}), input(1, {10}), output(0, {10}));
  const int32_t f = b.region(2, 1, 64);
  const phx_value middle = scratch(0, {10}), out = output(0, {10});
  b.add(PHX_CALL, {input(0, {10}), input(1, {10})}, {&middle}, {64}, f);
  b.add(PHX_CALL, {middle, input(1, {10})}, {&out}, {64}, f);
  b.region(2, 1, 128);
  b.input_bytes = {40, 40}, b.output_bytes = {40};
  const EmulatedPlan plan(b, small_target());
  std::vector<float> x = numbers(10), y = numbers(10, 2), z(10);
  expect_ran(plan, {x.data(), y.data()}, {z.data()});
  for (size_t k = 0; k < 10; k++) CHECK(z[k] == x[k] + y[k] + y[k] + y[k] + y[k], "element %zu", k);
}

// carry' = carry * w + x, y = carry' - w: all outputs of a scan.
int32_t add_scan_body(Plans& b) {
  add_binary(b, PHX_MUL, input(1, {6}), input(0, {6}), scratch(0, {6}));
  add_binary(b, PHX_ADD, scratch(0, {6}), input(2, {6}), output(0, {6}));
  add_binary(b, PHX_SUB, output(0, {6}), input(0, {6}), output(1, {6}));
  return b.region(3, 2, 64);
}

// Inputs w, first, xs; outputs last, ys, saved, all of the frame that `place` gives.
template <class Place>
void add_scan(Plans& b, int32_t body, int64_t length, bool reverse, bool unread, const Place& place) {
  const phx_value last = place(PHX_OUTPUT, 0, {6}), ys = place(PHX_OUTPUT, 1, {length, 6}),
                  saved = place(PHX_OUTPUT, 2, {length, 6});
  b.add(PHX_SCAN, {place(PHX_INPUT, 0, {6}), place(PHX_INPUT, 1, {6}), place(PHX_INPUT, 2, {length, 6})},
        {&last, unread ? nullptr : &ys, unread ? nullptr : &saved}, {128, length, 1, 1, 1, 1, reverse, 0, 64},
        body);
}

struct Scanned {
  std::vector<float> last, ys, saved;
};

Scanned scanned(const float* w, const float* first, const float* xs, int64_t length, bool reverse) {
  Scanned s{
      {first, first + 6}, std::vector<float>(size_t(length) * 6), std::vector<float>(size_t(length) * 6)};
  for (int64_t i = 0; i < length; i++) {
    const int64_t here = reverse ? length - 1 - i : i;
    for (int64_t k = 0; k < 6; k++) {
      float& carry = s.last[size_t(k)];
      s.saved[size_t(here * 6 + k)] = carry;
      const float product = carry * w[k];
      carry = product + xs[here * 6 + k];
      s.ys[size_t(here * 6 + k)] = carry - w[k];
    }
  }
  return s;
}

void scans_carry_and_save() {
  for (int64_t length : {0, 1, 2, 5, 9})
    for (bool reverse : {false, true})
      for (bool unread : {false, true})
        for (int64_t most_unrolled : {4096, 0}) {
          Plans b;
          const int32_t body = add_scan_body(b);
          add_scan(b, body, length, reverse, unread,
                   [](int32_t space, int32_t index, const engine_test::Shape& s) {
                     return dense(PHX_FLOAT32, s, space, index);
                   });
          b.region(3, 3, 192);
          const int64_t all = length * 24;
          b.input_bytes = {24, 24, all}, b.output_bytes = {24, all, all};
          Target target = small_target();
          target.most_unrolled = most_unrolled;
          const EmulatedPlan plan(b, target);
          bool loops = false;
          for (const Segment& segment : plan.lowered.segments) loops = loops || segment.repeats == length;
          CHECK(loops == (most_unrolled == 0 && length > 2) || length == 1, "length %lld", (long long)length);
          std::vector<float> w = numbers(6), first = numbers(6, 2), xs = numbers(size_t(length) * 6 + 1, 3);
          std::vector<float> last(6), ys(size_t(length) * 6 + 1), saved(size_t(length) * 6 + 1);
          expect_ran(plan, {w.data(), first.data(), xs.data()}, {last.data(), ys.data(), saved.data()});
          Scanned right = scanned(w.data(), first.data(), xs.data(), length, reverse);
          ys.resize(right.ys.size()), saved.resize(right.saved.size());
          CHECK(last == right.last, "length %lld, reverse %d, unrolled %lld", (long long)length, reverse,
                (long long)most_unrolled);
          if (!unread) CHECK(ys == right.ys && saved == right.saved, "length %lld", (long long)length);
        }
}

// Each row of xs is scanned from the carry that the row before has left; the last carries of all rows are summed by a
// map in a task, or by the whole device.
void scans_within_scans() {
  for (int64_t rows : {1, 3, 5})
    for (bool in_task : {false, true})
      for (int64_t most_unrolled : {4096, 30, 0}) {
        const int64_t length = 4;
        Plans b;
        const int32_t inner = add_scan_body(b);
        const auto place = [](int32_t space, int32_t index, const engine_test::Shape& s) {
          return dense(PHX_FLOAT32, s, space, index);
        };
        const phx_value last = place(PHX_OUTPUT, 0, {6});
        b.add(PHX_SCAN, {input(0, {6}), input(1, {6}), input(2, {length, 6})}, {&last, nullptr, nullptr},
              {128, length, 1, 1, 1, 1, 0, 0, 64}, inner);
        const int32_t outer = b.region(3, 1, 192);
        const phx_value end = place(PHX_OUTPUT, 0, {6});
        b.add(PHX_SCAN, {input(0, {6}), input(1, {6}), input(2, {rows, length, 6})}, {&end, nullptr},
              {128, rows, 1, 1, 1, 0, 0, 0, 64}, outer);
        const int32_t whole = b.region(3, 1, 320);
        if (in_task) {
          const phx_value ends = place(PHX_OUTPUT, 0, {2, 6});
          b.add(PHX_MAP, {input(0, {6}), input(1, {2, 6}), input(2, {rows, length, 6})}, {&ends},
                {2, 0, 0, 1, 0, 0}, whole);
          b.region(3, 1, 0);
        }
        const int64_t tasks = in_task ? 2 : 1;
        b.input_bytes = {24, 24 * tasks, rows * length * 24}, b.output_bytes = {24 * tasks};
        Target target = small_target();
        target.most_unrolled = most_unrolled;
        const EmulatedPlan plan(b, target);
        std::vector<float> w = numbers(6), first = numbers(size_t(tasks) * 6, 2);
        std::vector<float> xs = numbers(size_t(rows * length) * 6, 3), z(size_t(tasks) * 6);
        expect_ran(plan, {w.data(), first.data(), xs.data()}, {z.data()});
        const size_t ends = size_t(std::count_if(plan.lowered.segments.begin(), plan.lowered.segments.end(),
                                                 [](const Segment& s) { return s.repeats > 1; }));
        CHECK(in_task || rows < 3 ||
                  ends == (most_unrolled == 0    ? 2
                           : most_unrolled == 30 ? 1
                                                 : 0),
              "%zu loops", ends);
        for (int64_t task = 0; task < tasks; task++) {
          std::vector<float> carry(first.begin() + task * 6, first.begin() + task * 6 + 6);
          for (int64_t row = 0; row < rows; row++)
            carry = scanned(w.data(), carry.data(), &xs[size_t(row * length) * 6], length, false).last;
          CHECK(std::equal(carry.begin(), carry.end(), z.begin() + task * 6),
                "rows %lld, task %d, unrolled %lld", (long long)rows, in_task, (long long)most_unrolled);
        }
      }
}

// Terms of a map's sum as sum_tree.h adds them.
std::vector<float> tree(std::vector<float> terms, int64_t count, size_t size) {
  if (count == 0) return std::vector<float>(size);
  add_slots(count, [&](int64_t to, int64_t other) {
    for (size_t k = 0; k < size; k++) terms[size_t(to) * size + k] += terms[size_t(other) * size + k];
  });
  terms.resize(size);
  return terms;
}

// Each iteration scans its own x; its last carry is stacked and summed, its ys are not read.
void maps_run_as_tasks() {
  for (int64_t iterations : {0, 1, 3, 7, 64, 65, 200})
    for (int32_t shared : {48 << 10, 256})
      for (int64_t most_unrolled : {4096, 0}) {
        const int64_t length = 4;
        Plans b;
        const int32_t body = add_scan_body(b);
        const phx_value last = output(0, {6});
        b.add(PHX_SCAN, {input(0, {6}), input(1, {6}), input(2, {length, 6})}, {&last, nullptr, nullptr},
              {128, length, 1, 1, 1, 1, 0, 0, 64}, body);
        const phx_value twice = output(1, {6});
        add_binary(b, PHX_ADD, last, last, twice);
        const int32_t task = b.region(3, 2, 192);
        const phx_value stacked = output(0, {iterations, 6}), summed = output(1, {6});
        b.add(PHX_MAP, {input(0, {6}), input(1, {iterations, 6}), input(2, {iterations, length, 6})},
              {&stacked, &summed}, {iterations, 0, 0, 1, 1, 0, 1}, task);
        b.region(3, 2, 0);
        b.input_bytes = {24, iterations * 24, iterations * length * 24},
        b.output_bytes = {iterations * 24, 24};
        Target target = small_target();
        target.shared_bytes = shared;
        target.most_unrolled = most_unrolled;
        const EmulatedPlan plan(b, target);
        CHECK(plan.launches_of("phynexus_task") == (iterations > 0), "one launch for all tasks");
        std::vector<float> w = numbers(6), first = numbers(size_t(iterations) * 6 + 1, 2),
                           xs = numbers(size_t(iterations * length) * 6 + 1, 3);
        std::vector<float> lasts(size_t(iterations) * 6 + 1), sum(6, 7.0f);
        expect_ran(plan, {w.data(), first.data(), xs.data()}, {lasts.data(), sum.data()});
        lasts.pop_back();
        std::vector<float> terms;
        for (int64_t i = 0; i < iterations; i++) {
          const Scanned s =
              scanned(w.data(), &first[size_t(i) * 6], &xs[size_t(i * length) * 6], length, false);
          terms.insert(terms.end(), s.last.begin(), s.last.end());
        }
        CHECK(lasts == terms, "%lld iterations, %d shared bytes, unrolled %lld", (long long)iterations,
              shared, (long long)most_unrolled);
        for (float& term : terms) term += term;
        CHECK(sum == tree(terms, iterations, 6), "the sum of %lld", (long long)iterations);
      }
}

// Tasks of three products in a row: each reads what other threads have left.
std::vector<float> chained() {
  Plans b;
  add_product(b, input(0, {16, 16}), input(1, {16, 16}), scratch(0, {16, 16}));
  add_product(b, scratch(0, {16, 16}), input(1, {16, 16}), scratch(1024, {16, 16}));
  add_product(b, scratch(1024, {16, 16}), input(1, {16, 16}), output(0, {16, 16}));
  const int32_t task = b.region(2, 1, 2048);
  const phx_value stacked = output(0, {3, 16, 16});
  b.add(PHX_MAP, {input(0, {3, 16, 16}), input(1, {16, 16})}, {&stacked}, {3, 0, 1, 0, 0}, task);
  b.region(2, 1, 0);
  b.input_bytes = {3072, 1024}, b.output_bytes = {3072};
  std::vector<float> x = numbers(768), w = numbers(256, 2), z(768);
  expect_ran(EmulatedPlan(b, small_target()), {x.data(), w.data()}, {z.data()});
  return z;
}

}  // namespace

int main(int count, char** words) {
  // For ThreadSanitizer: this barrier is missing, which must end this with its status.
  if (count > 2 && std::strcmp(words[1], "missing") == 0) {
    emulator::options().missing_barrier = std::atoi(words[2]);
    chained();
    return 0;
  }
#if defined(__SANITIZE_THREAD__)
  const std::vector<int> schedules{0};  // it finds what any order would show
#else
  const std::vector<int> schedules{0, 1, 2};
#endif
  what_waits_for_nothing_goes_together();
  chains_that_share_memory_in_turn_go_side_by_side();
  too_much_memory_side_by_side_is_not_taken();
  parts_of_a_value_stay_together();
  small_levels_are_a_tail();
  an_output_waits_for_the_reads_of_an_input_in_its_place();
  calls_are_inlined();
  for (int schedule : schedules) {
    emulator::options().schedule = schedule;
    scans_carry_and_save();
    scans_within_scans();
    maps_run_as_tasks();
  }
  std::printf("%d failures\n", failures);
  return failures != 0;
}
