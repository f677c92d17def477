// The code of fused chains, byte for byte as it was: also where no processor here could run it. Whoever changes it on
// purpose states the new sums, having compared the two listings (objdump -D -b binary -mi386:x86-64).
#include "../kernels/contract/contract.h"
#include "../steps/fused/coded.h"
#include "../steps/fused/join.h"
#include "plan_builder.h"

namespace engine_test {
namespace {

using namespace phynexus;

constexpr int64_t cache_bytes = 64 * 1024;

// The same numbers with every compiler.
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed) {}
  int64_t below(int64_t end) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return int64_t(state_ >> 33) % end;
  }

 private:
  uint64_t state_;
};

// Of all pieces of code, and of where the registers lie that they leave.
struct Sum {
  uint64_t hash = 14695981039346656037u;
  int64_t pieces = 0, bytes = 0;
  void add(uint8_t byte) { hash = (hash ^ byte) * 1099511628211u; }
};

void add_code(Sum& sum, const Builder& b) {
  const phx_plan source = b.plan();
  Plan plan;
  decode(source, plan);
  validate(plan);
  std::vector<Region> regions(1);
  const Lowering lowering{
      {plan, regions, &plan.regions[0]}, portable::runtime_kernels, portable::contract_kernels};
  const phx_instruction& instruction = plan.instructions[0];
  const fused::Chain chain = fused::read_chain(plan, instruction);
  const fused::Blocks blocks = fused::lay_out(chain, cache_bytes);
  const fused::Sharing sharing(lowering, instruction);
  const std::vector<fused::Value> values = fused::classify(chain, blocks, sharing);
  const fused::Placed placed = fused::place(fused::join(chain, values), blocks, values, sharing);
  const fused::Coded coded = fused::in_code(placed, values, blocks);
  for (const auto& piece : coded.pieces)
    if (const auto* code = std::get_if<fused::Code>(&piece)) {
      for (const uint8_t byte : code->bytes) sum.add(byte);
      sum.pieces++;
      sum.bytes += int64_t(code->bytes.size());
    }
  sum.add(uint8_t(coded.placed.file.bytes() / PHX_ALIGNMENT));
}

// A chain over axes of these sizes. Inputs and outputs have a stride for each.
struct Chain {
  Shape shape;
  int64_t reduced = 0;
  std::vector<phx_value> inputs;
  std::vector<int64_t> operations;
  std::vector<std::pair<phx_value, int64_t>> outputs;  // with the reduction
  std::vector<int64_t> ends;                           // the values that leave
  int64_t values = 0, count = 0;

  explicit Chain(const Shape& sizes, int64_t mask = 0) : shape(sizes), reduced(mask) {}
  int64_t input(const Shape& strides, int32_t dtype = PHX_FLOAT32) {
    inputs.push_back(value(dtype, shape, strides, PHX_INPUT, int32_t(inputs.size())));
    return values++;
  }
  int64_t operation(int64_t opcode, int64_t dtype, int64_t a, int64_t b = -1, int64_t c = -1,
                    int64_t immediate = 0) {
    operations.insert(operations.end(), {opcode, dtype, a, b, c, immediate});
    count++;
    return values++;
  }
  void output(int64_t from, int32_t dtype, int64_t reduction = 0) {
    Shape kept = shape;
    for (size_t d = 0; d < kept.size(); d++)
      if (reduction && (reduced >> d & 1)) kept[d] = 1;
    outputs.emplace_back(dense(dtype, kept, PHX_OUTPUT, int32_t(outputs.size())), reduction);
    ends.push_back(from);
  }
  Builder plan() const {
    Builder b;
    std::vector<int64_t> parameters{count, int64_t(outputs.size()), reduced, int64_t(shape.size())};
    parameters.insert(parameters.end(), shape.begin(), shape.end());
    parameters.insert(parameters.end(), operations.begin(), operations.end());
    std::vector<const phx_value*> pointers;
    for (size_t k = 0; k < outputs.size(); k++) {
      parameters.insert(parameters.end(), {ends[k], outputs[k].second});
      pointers.push_back(&outputs[k].first);
      const phx_value& out = outputs[k].first;
      b.output_bytes.push_back(count_of(Shape(out.shape, out.shape + out.rank)) * size_of(out.dtype));
    }
    b.add(PHX_FUSED, inputs, pointers, parameters);
    b.region(int32_t(inputs.size()), int32_t(outputs.size()), 0);
    for (const phx_value& in : inputs) b.input_bytes.push_back(count_of(shape) * size_of(in.dtype));
    return b;
  }
};

constexpr int64_t unary[] = {PHX_NEG, PHX_ABS, PHX_FLOOR, PHX_ROUND, PHX_SQRT, PHX_RSQRT},
                  binary[] = {PHX_ADD, PHX_SUB, PHX_MUL, PHX_DIV, PHX_MAXIMUM, PHX_MINIMUM},
                  compare[] = {PHX_EQUAL,      PHX_NOT_EQUAL, PHX_LESS,
                               PHX_LESS_EQUAL, PHX_GREATER,   PHX_GREATER_EQUAL};

// Random operations on floats. Returns the last value.
int64_t add_operations(Chain& chain, Numbers& numbers, int64_t count) {
  std::vector<int64_t> floats;
  for (int64_t k = 0; k < chain.values; k++) floats.push_back(k);
  const auto any = [&] { return floats[size_t(numbers.below(int64_t(floats.size())))]; };
  for (int64_t i = 0; i < count; i++) {
    const int64_t kind = numbers.below(8), which = numbers.below(6), a = any(), b = floats.back();
    if (kind < 2) floats.push_back(chain.operation(unary[which], PHX_FLOAT32, b));
    else if (kind < 5) floats.push_back(chain.operation(binary[which], PHX_FLOAT32, a, b));
    else if (kind < 6) floats.push_back(chain.operation(PHX_INTEGER_POW, PHX_FLOAT32, b, -1, -1, which - 2));
    else if (kind < 7) {
      const int64_t product = chain.operation(PHX_MUL, PHX_FLOAT32, a, b);
      floats.push_back(chain.operation(which % 2 ? PHX_ADD : PHX_SUB, PHX_FLOAT32, product, any()));
    } else {
      const int64_t condition = chain.operation(compare[which], PHX_BOOL, a, b);
      floats.push_back(chain.operation(PHX_WHERE, PHX_FLOAT32, condition, any(), b));
    }
  }
  return floats.back();
}

Chain over_elements(Numbers& numbers) {
  Chain chain({1 + numbers.below(5000)});
  for (int64_t k = 0; k <= numbers.below(3); k++) chain.input({1});
  chain.input({0});
  const int64_t last = add_operations(chain, numbers, 1 + numbers.below(12));
  if (numbers.below(3) == 0)
    chain.output(chain.operation(compare[numbers.below(6)], PHX_BOOL, last, 0), PHX_BOOL);
  chain.output(last, PHX_FLOAT32);
  return chain;
}

// Rows, one row for all, and an element a row; sums over rows beside what is stored.
Chain over_rows(Numbers& numbers) {
  const int64_t rows = 2 + numbers.below(40), columns = 8 + numbers.below(100);
  const bool sums = numbers.below(2);
  Chain chain({rows, columns}, sums ? 1 : 0);
  chain.input({columns, 1});
  chain.input({0, 1});
  if (numbers.below(2)) chain.input({1, 0});
  const int64_t last = add_operations(chain, numbers, 1 + numbers.below(8));
  if (sums) chain.output(last, PHX_FLOAT32, PHX_SUM);
  else chain.output(last, PHX_FLOAT32);
  return chain;
}

// The largest of windows of two by two of an image whose channels lie together, and where it stands.
Chain over_windows(Numbers& numbers) {
  const int64_t n = 1 + numbers.below(2), h = 1 + numbers.below(4), c = 8 + numbers.below(60);
  Chain chain({n, h, 2, h, 2, c}, 1 << 2 | 1 << 4);
  chain.input({4 * h * h * c, 4 * h * c, 2 * h * c, 2 * c, c, 1});
  chain.input({0, 0, 0, 0, 0, 1});
  const int64_t last = add_operations(chain, numbers, 1 + numbers.below(4));
  chain.output(last, PHX_FLOAT32, PHX_MAX);
  if (numbers.below(2)) chain.output(last, PHX_INT32, PHX_ARGMAX);
  return chain;
}

void same_as_before(const char* name, Chain (*make)(Numbers&), int64_t pieces, int64_t bytes, uint64_t hash) {
  Numbers numbers(17);
  Sum sum;
  for (int round = 0; round < 300; round++) add_code(sum, make(numbers).plan());
  CHECK(sum.pieces == pieces && sum.bytes == bytes && sum.hash == hash, "%s: %lld pieces, %lld bytes, %llx",
        name, (long long)(sum.pieces), (long long)(sum.bytes), (unsigned long long)(sum.hash));
}

}  // namespace

void test_emitted_code() {
  same_as_before("elements", over_elements, 267, 94144, 0x1c4569988351702a);
  same_as_before("rows", over_rows, 290, 143268, 0x16484b0ce2e133);
  same_as_before("windows", over_windows, 266, 338240, 0xe0e676baf00aaf8a);
}

}  // namespace engine_test
