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

// Sort, the running sum and the factors, one instruction each.
Builder good_factors() {
  const int64_t n = 4;
  Builder b;
  const phx_value a = dense(f32, {2, n, n}, PHX_INPUT, 0), right = dense(f32, {2, n, 3}, PHX_INPUT, 1);
  const phx_value sorted = dense(f32, {2, n, n}, PHX_SCRATCH),
                  from = dense(PHX_INT32, {2, n, n}, PHX_OUTPUT, 0);
  const phx_value sums = dense(f32, {2, n, n}, PHX_SCRATCH, 0, 128);
  const phx_value l = dense(f32, {2, n, n}, PHX_SCRATCH, 0, 256), x = dense(f32, {2, n, 3}, PHX_OUTPUT, 1);
  const phx_value packed = dense(f32, {2, n, n}, PHX_OUTPUT, 2),
                  order = dense(PHX_INT32, {2, n}, PHX_SCRATCH, 0, 384);
  b.add(PHX_SORT, {a}, {&sorted, &from}, {1});
  b.add(PHX_CUMSUM, {sorted}, {&sums}, {2, 1});
  b.add(PHX_CHOLESKY, {sums}, {&l}, {});
  b.add(PHX_TRIANGULAR_SOLVE, {l, right}, {&x}, {1, 0, 0});
  b.add(PHX_LU, {sums}, {&packed, &order}, {});
  b.region(2, 3, 416);
  b.input_bytes = {2 * n * n * 4, 2 * n * 3 * 4};
  b.output_bytes = {2 * n * n * 4, 2 * n * 3 * 4, 2 * n * n * 4};
  return b;
}

std::vector<Bytes> sized(const std::vector<int64_t>& bytes) {
  std::vector<Bytes> all;
  for (int64_t n : bytes) all.emplace_back(size_t(n));
  return all;
}

template <class F>
void refused(const char* what, const F& change, Builder b = good_plan()) {
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
void changed_at_random(Builder (*good)()) {
  const phx_region whole_of_good = good().regions.back();
  const int64_t last_region = int64_t(good().regions.size()) - 1;
  const auto change = [](auto& number) {
    number = std::decay_t<decltype(number)>(pick(0, 1) ? strange()
                                                       : int64_t(uint64_t(number) + uint64_t(pick(-2, 2))));
  };
  int accepted = 0;
  for (int round = 0; round < 20000; round++) {
    Builder b = good();
    for (int64_t changes = pick(1, 2); changes > 0; changes--) {
      phx_value& v = b.values[size_t(pick(0, int64_t(b.values.size()) - 1))];
      phx_instruction& x = b.instructions[size_t(pick(0, int64_t(b.instructions.size()) - 1))];
      phx_region& r = b.regions[size_t(pick(0, last_region))];
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
    if (whole.inputs != whole_of_good.inputs || whole.outputs != whole_of_good.outputs) continue;
    std::vector<Bytes> in = sized(b.input_bytes), out = sized(b.output_bytes);
    accepted += run(b, in, out);
  }
  CHECK(accepted > 100, "too few of the changed plans could run: %d", accepted);
}

// Instruction k of good_factors, and its operands in order: inputs, then outputs.
phx_value& operand_of(Builder& b, size_t instruction, size_t k) {
  return b.values[size_t(b.operands[size_t(b.instructions[instruction].first_operand) + k])];
}
int64_t& param_of(Builder& b, size_t instruction, size_t k) {
  return b.params[size_t(b.instructions[instruction].first_param) + k];
}

void factors_refused() {
  enum { sort, cumsum, cholesky, triangular_solve, lu };
  const auto refuse = [](const char* what, auto change) { refused(what, change, good_factors()); };
  for (const int64_t axis : {int64_t(3), int64_t(-1), INT64_MAX, INT64_MIN}) {
    refuse("a sort's axis beyond the rank", [=](Builder& b) { param_of(b, sort, 0) = axis; });
    refuse("a cumsum's axis beyond the rank", [=](Builder& b) { param_of(b, cumsum, 0) = axis; });
  }
  for (size_t k = 0; k < 5; k++) {
    const size_t count =
        size_t(good_factors().instructions[k].inputs + good_factors().instructions[k].outputs);
    for (size_t o = 0; o < count; o++) {
      refuse("an operand of rank 0", [=](Builder& b) { operand_of(b, k, o).rank = 0; });
      refuse("an operand of one batch more", [=](Builder& b) { operand_of(b, k, o).shape[0] = 3; });
      refuse("an operand of one batch less", [=](Builder& b) { operand_of(b, k, o).shape[0] = 1; });
      refuse("an operand of one row less", [=](Builder& b) { operand_of(b, k, o).shape[1] = 3; });
      refuse("an operand of another dtype", [=](Builder& b) {
        int32_t& dtype = operand_of(b, k, o).dtype;
        dtype = dtype == f32 ? PHX_INT32 : f32;
      });
      refuse("an operand before its memory", [=](Builder& b) { operand_of(b, k, o).offset = -64; });
      refuse("an operand beyond its memory", [=](Builder& b) { operand_of(b, k, o).offset = 1 << 20; });
      refuse("an operand that strides beyond its memory",
             [=](Builder& b) { operand_of(b, k, o).strides[0] = 1000; });
    }
    for (size_t o = size_t(good_factors().instructions[k].inputs); o < count; o++)
      refuse("an output of stride 0", [=](Builder& b) { operand_of(b, k, o).strides[0] = 0; });
    refuse("one param too many", [=](Builder& b) {
      b.params.push_back(0);
      b.instructions[k].params++;
      b.instructions[k].first_param = int32_t(b.params.size()) - b.instructions[k].params;
    });
    if (good_factors().instructions[k].params)
      refuse("one param too few", [=](Builder& b) { b.instructions[k].params--; });
    refuse("one input too few", [=](Builder& b) { b.instructions[k].inputs--; });
    refuse("a region where none belongs", [=](Builder& b) { b.instructions[k].region = 0; });
  }
  for (const size_t k : {cholesky, lu})
    refuse("factors of matrices that are not square",
           [=](Builder& b) { operand_of(b, k, 0).shape[2] = operand_of(b, k, 1).shape[2] = 3; });
  refuse("a triangle that is not square",
         [](Builder& b) { operand_of(b, triangular_solve, 0).shape[2] = 3; });
  refuse("a right side of other columns than the result",
         [](Builder& b) { operand_of(b, triangular_solve, 1).shape[2] = 2; });
  refuse("a flag that is neither 0 nor 1", [](Builder& b) { param_of(b, triangular_solve, 2) = 2; });
  refuse("scratch that is too small", [](Builder& b) { b.regions[0].scratch_bytes = 415; });
}

// Calls within calls, so many regions deep: each adds 1 to what the one within it makes.
Builder nested(int depth) {
  Builder b;
  const phx_value in = dense(f32, {1}, PHX_INPUT, 0), out = dense(f32, {1}, PHX_OUTPUT, 0);
  for (int level = 0; level < depth; level++) {
    if (level) b.add(PHX_CALL, {in}, {&out}, {0}, level - 1);
    b.add(PHX_FUSED, {level ? out : in}, {&out}, {1, 1, 0, 1, 1, PHX_ADD, f32, 0, 0, -1, 0, 1, 0});
    b.region(1, 1, 0);
  }
  b.input_bytes = b.output_bytes = {4};
  return b;
}

// A call that passes the same value on as so many inputs.
Builder wide(int32_t inputs) {
  Builder b;
  const phx_value in = dense(f32, {1}, PHX_INPUT, 0), out = dense(f32, {1}, PHX_OUTPUT, 0);
  b.add(PHX_COPY, {in}, {&out}, {});
  const int32_t body = b.region(inputs, 1, 0);
  b.add(PHX_CALL, std::vector<phx_value>(size_t(inputs), in), {&out}, {0}, body);
  b.region(1, 1, 0);
  b.input_bytes = b.output_bytes = {4};
  return b;
}

void accepted(const Builder& b) {
  std::vector<Bytes> in = sized(b.input_bytes), out = sized(b.output_bytes);
  CHECK(run(b, in, out), "%s", api().last_error());
}

}  // namespace

void test_refusals() {
  accepted(good_plan());
  accepted(good_factors());
  accepted(nested(PHX_MAX_DEPTH));
  accepted(wide(60000));
  const auto unchanged = [](Builder&) {};
  refused("regions that lie too deep", unchanged, nested(PHX_MAX_DEPTH + 1));
  refused("regions that would overflow the stack", unchanged, nested(100000));
  refused("base pointers that would overflow the stack", unchanged, wide(1 << 20));
  factors_refused();
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
  refused("a region that uses itself", [](Builder& b) {
    for (auto& x : b.instructions)
      if (x.region < 0) x.region = 0;
  });
  refused("an unknown opcode", [](Builder& b) { b.instructions[0].opcode = 155; });
  refused("half types", [](Builder& b) { b.values[0].dtype = PHX_FLOAT16; });
  refused("a wrong shape", [](Builder& b) { b.values[0].shape[1] = 5; });
  refused("rank 9", [](Builder& b) { b.values[0].rank = 9; });
  refused("sizes that overflow",
          [](Builder& b) { b.values[1].shape[0] = b.values[1].shape[1] = int64_t(1) << 40; });
  refused("a stride that overflows along an axis of one element", [](Builder& b) {
    for (auto& v : b.values)
      if (v.rank == 2 && v.shape[0] == 1) v.strides[0] = INT64_MAX;
  });
  refused("an offset that overflows in an empty value", [](Builder& b) {
    for (auto& v : b.values) v.shape[0] = 0, v.offset = INT64_MIN;
  });
  for (const int64_t bytes : {INT64_MAX, int64_t(1) << 60, int64_t(-1)}) {
    refused("absurd scratch", [=](Builder& b) { b.regions[0].scratch_bytes = bytes; });
    refused("an absurd input", [=](Builder& b) { b.input_bytes[0] = bytes; });
    refused("an absurd output", [=](Builder& b) { b.output_bytes[0] = bytes; });
  }
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
  changed_at_random(good_plan);
  changed_at_random(good_factors);
}

}  // namespace engine_test
