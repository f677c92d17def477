// Plans that are wrong are refused, and never run beyond their memory: a good plan with random changes.
#include "plan_builder.h"

namespace engine_test {
namespace {

constexpr int32_t f32 = PHX_FLOAT32;

Builder good_plan() {
  const int64_t n = 6;
  Builder b;
  const phx_value x = dense(f32, {n}, PHX_INPUT, 0), w = dense(f32, {n, n}, PHX_INPUT, 1),
                  t = dense(f32, {n}, PHX_SCRATCH);
  const phx_value row = dense(f32, {1, n}, PHX_SCRATCH), row_in = dense(f32, {1, n}, PHX_INPUT, 0);
  const phx_value o = dense(f32, {n}, PHX_OUTPUT, 0), s = dense(f32, {n}, PHX_OUTPUT, 1);
  b.add(PHX_DOT_GENERAL, {row_in, w}, {&row}, {0, 1, 1, 1});
  b.add(PHX_FUSED, {x, t}, {&o, &s}, {1, 2, 0, 1, n, PHX_ADD, f32, 0, 1, -1, 0, 2, 0, 2, 0});
  const int32_t body = b.region(2, 2, 64);
  const phx_value index = dense(PHX_INT32, {3}, PHX_INPUT, 2), table = dense(f32, {10, n}, PHX_INPUT, 0);
  const phx_value xs = dense(f32, {3, n}, PHX_SCRATCH), out = dense(f32, {3, n}, PHX_OUTPUT, 0),
                  sum = dense(f32, {n}, PHX_OUTPUT, 1);
  const phx_value c = value(f32, {3, n}, {0, 1}, PHX_CONSTANTS, 0, 64);
  b.constants.resize(128);
  b.add(PHX_GATHER, {table, index}, {&xs}, {0, 0});
  b.add(PHX_FUSED, {xs, c}, {&xs}, {1, 1, 0, 2, 3, n, PHX_MUL, f32, 0, 1, -1, 0, 2, 0});
  b.add(PHX_MAP, {xs, w}, {&out, &sum}, {3, 0, 1, 0, 0, 1}, body);
  const phx_value last = dense(PHX_INT32, {3}, PHX_OUTPUT, 2);
  b.add(PHX_ARGMAX, {out}, {&last}, {1});
  b.region(3, 3, 128);
  b.input_bytes = {10 * n * 4, n * n * 4, 12};
  b.output_bytes = {3 * n * 4, n * 4, 12};
  return b;
}

std::vector<Bytes> sized(const std::vector<int64_t>& bytes) {
  std::vector<Bytes> all;
  for (int64_t n : bytes) all.emplace_back(size_t(n));
  return all;
}

template <class F>
void refused(const char* what, const F& change) {
  Builder b = good_plan();
  change(b);
  const phx_plan plan = b.plan();
  phx_executable* executable = nullptr;
  const phx_status status = api().compile(shared_engine(1), &plan, &executable);
  CHECK(status != PHX_OK && *api().last_error() && !executable, "%s was accepted", what);
}

int64_t strange() {
  static const int64_t numbers[] = {
      0,  1,   -1,      2,         3,         5,         7,         8,
      64, 100, 1 << 20, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, int64_t(1) << 40};
  return numbers[pick(0, 15)];
}

// Whatever is changed, the plan is refused or it runs within its memory, as a sanitizer would tell.
void changed_at_random() {
  const auto change = [](auto& number) {
    number = std::decay_t<decltype(number)>(pick(0, 1) ? strange() : int64_t(number) + pick(-2, 2));
  };
  int accepted = 0;
  for (int round = 0; round < 20000; round++) {
    Builder b = good_plan();
    for (int64_t changes = pick(1, 2); changes > 0; changes--) {
      phx_value& v = b.values[size_t(pick(0, int64_t(b.values.size()) - 1))];
      phx_instruction& x = b.instructions[size_t(pick(0, int64_t(b.instructions.size()) - 1))];
      phx_region& r = b.regions[size_t(pick(0, 1))];
      switch (pick(0, 15)) {
        case 0: change(v.dtype); break;
        case 1: change(v.rank); break;
        case 2: change(v.shape[pick(0, 1)]); break;
        case 3: change(v.strides[pick(0, 1)]); break;
        case 4: change(v.space); break;
        case 5: change(v.index); break;
        case 6: v.offset = pick(-100, 200) / 4 * 4; break;
        case 7: change(x.opcode); break;
        case 8: change(pick(0, 1) ? x.inputs : x.outputs); break;
        case 9: change(pick(0, 1) ? x.first_operand : x.first_param); break;
        case 10: change(x.params); break;
        case 11: change(x.region); break;
        case 12: change(b.params[size_t(pick(0, int64_t(b.params.size()) - 1))]); break;
        case 13: change(b.operands[size_t(pick(0, int64_t(b.operands.size()) - 1))]); break;
        case 14: change(pick(0, 1) ? r.inputs : r.first_instruction); break;
        default: change(pick(0, 1) ? r.instructions : r.outputs);
      }
    }
    // Scratch as large as that is nobody's mistake.
    for (phx_region& r : b.regions) r.scratch_bytes = std::min<int64_t>(r.scratch_bytes, 1 << 20);
    for (const phx_instruction& x : b.instructions)
      if (x.opcode == PHX_MAP && x.first_param >= 0 && x.first_param < int64_t(b.params.size()))
        b.params[size_t(x.first_param)] = std::min<int64_t>(b.params[size_t(x.first_param)], 1000);
    const phx_region& whole = b.regions.back();
    if (whole.inputs != 3 || whole.outputs != 3) continue;
    std::vector<Bytes> in = sized(b.input_bytes), out = sized(b.output_bytes);
    accepted += run(b, in, out);
  }
  CHECK(accepted > 100, "too few of the changed plans could run: %d", accepted);
}

}  // namespace

void test_refusals() {
  {
    Builder b = good_plan();
    std::vector<Bytes> in = sized(b.input_bytes), out = sized(b.output_bytes);
    CHECK(run(b, in, out), "%s", api().last_error());
  }
  refused("a view beyond its input", [](Builder& b) { b.input_bytes[0] -= 1; });
  refused("a view beyond its output", [](Builder& b) { b.output_bytes[2] -= 1; });
  refused("a view beyond scratch", [](Builder& b) { b.regions[1].scratch_bytes = 64; });
  refused("a view before its constant", [](Builder& b) {
    for (auto& v : b.values)
      if (v.space == PHX_CONSTANTS) v.offset = -4;
  });
  refused("a view beyond the constants", [](Builder& b) { b.constants.resize(64 + 20); });
  refused("a region that comes later", [](Builder& b) {
    for (auto& x : b.instructions)
      if (x.region >= 0) x.region = 1;
  });
  refused("an unknown opcode", [](Builder& b) { b.instructions[0].opcode = 155; });
  refused("half types", [](Builder& b) { b.values[0].dtype = PHX_FLOAT16; });
  refused("a wrong shape", [](Builder& b) { b.values[0].shape[1] = 5; });
  refused("rank 9", [](Builder& b) { b.values[0].rank = 9; });
  refused("sizes that overflow",
          [](Builder& b) { b.values[1].shape[0] = b.values[1].shape[1] = int64_t(1) << 40; });
  refused("no regions", [](Builder& b) { b.regions.clear(); });
  refused("an offset inside an element", [](Builder& b) { b.values[2].offset = 2; });
  phx_executable* executable = nullptr;
  CHECK(api().compile(shared_engine(1), nullptr, &executable) == PHX_INVALID_ARGUMENT, "no plan");
  CHECK(api().run(nullptr, nullptr, nullptr) == PHX_INVALID_ARGUMENT, "no executable");
  void* none[3] = {};
  Builder b = good_plan();
  const phx_plan plan = b.plan();
  CHECK(api().compile(shared_engine(1), &plan, &executable) == PHX_OK, "%s", api().last_error());
  CHECK(api().run(executable, none, none) == PHX_INVALID_ARGUMENT, "null inputs");
  api().release_executable(executable);
  void* pointer = nullptr;
  CHECK(api().allocate(shared_engine(1), -1, &pointer) == PHX_INVALID_ARGUMENT, "negative bytes");
  changed_at_random();
}

}  // namespace engine_test
