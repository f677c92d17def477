// Tensors of more than 2^31 elements, and of more than 4 GB, without memory for them: plans are lowered, and of their
// records the first tiles, the last ones and some between run, in memory that is promised only. Then the same ways at
// small sizes, as a device whose counts end early takes them.
#include <sys/mman.h>

#include <cmath>

#include "emulated_plan.h"
#include "engine/failure.h"
#include "gpu/device/dispatch.h"
#include "gpu/lower/handler_facts.h"

using namespace emulated;
using engine_test::dense;
using engine_test::failures;
using engine_test::Shape;
using engine_test::value;
using Plans = engine_test::Builder;

namespace {

constexpr int64_t giga = int64_t(1) << 30;

// Zeros, which take memory where they are touched.
class Promised {
 public:
  explicit Promised(int64_t bytes) : bytes_(size_t(bytes)) {
    at_ = static_cast<char*>(
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (at_ == MAP_FAILED) std::printf("no %lld bytes of addresses\n", (long long)bytes), std::exit(1);
  }
  Promised(const Promised&) = delete;
  ~Promised() { munmap(at_, bytes_); }
  template <class T>
  T& element(int64_t k) const {
    return reinterpret_cast<T*>(at_)[k];
  }
  char* data() const { return at_; }

 private:
  size_t bytes_;
  char* at_;
};

// One tile of one record, as a kernel of its own.
struct TileCall {
  const Record* record;
  char* const* bases;
  int64_t tile;
  const char* program;
};
template <int Kernel>
void run_one_tile(const void* argument) {
  const TileCall& call = *static_cast<const TileCall*>(argument);
  const Group group{thread_index(), block_threads(), ::phynexus::emulator::shared_memory(), call.program};
  run_tile<Kernel>(*call.record, call.bases, call.tile, group);
}
using Run = void (*)(const void*);
constexpr Run runs[] = {
#define X(name) run_one_tile<kernel_##name>,
    PHYNEXUS_LEVEL_KERNELS(X)
#undef X
};

int64_t bytes_of(const phx_value& v) { return element_count(v) * item_bytes(v.dtype); }

// One instruction over dense operands, in their order; the last `outputs` are written.
class Huge {
 public:
  Huge(int32_t opcode, std::vector<phx_value> operands, int outputs, const std::vector<int64_t>& params) {
    Plans b;
    const size_t inputs = operands.size() - size_t(outputs);
    std::vector<const phx_value*> written;
    for (size_t k = inputs; k < operands.size(); k++) written.push_back(&operands[k]);
    b.add(opcode, {operands.begin(), operands.begin() + int64_t(inputs)}, written, params);
    b.region(int32_t(inputs), outputs, 0);
    for (size_t k = 0; k < operands.size(); k++) {
      (k < inputs ? b.input_bytes : b.output_bytes).push_back(bytes_of(operands[k]));
      memory_.push_back(std::make_unique<Promised>(bytes_of(operands[k])));
    }
    plan_ = std::make_unique<EmulatedPlan>(b, small_target());
    scratch_ = std::make_unique<Promised>(plan_->lowered.scratch_bytes + 64);
    program_.resize(plan_->lowered.program.size() / sizeof(std::max_align_t) + 8);
    std::memcpy(program(), plan_->lowered.program.data(), plan_->lowered.program.size());
    bases_.resize(size_t(plan_->lowered.pointer_count));
    bases_[base_scratch] = scratch_->data();
    for (size_t k = 0; k < memory_.size(); k++) bases_[base_first_input + k] = memory_[k]->data();
  }
  template <class T>
  T& at(size_t operand, int64_t k) const {
    return memory_[operand]->element<T>(k);
  }
  // Of each record the first and the last tiles, and those in the middle.
  void run_some(int64_t each = 2) {
    for (const Launch& launch : plan_->lowered.launches) {
      const Record* records = reinterpret_cast<const Record*>(program() + launch.arguments.records);
      for (int32_t r = 0; r < launch.arguments.record_count; r++) {
        const int64_t tiles = records[r].tiles;
        for (const int64_t first : {int64_t(0), tiles / 2, tiles - each})
          for (int64_t tile = std::max<int64_t>(first, 0); tile < std::min(first + each, tiles); tile++)
            run(records[r], tile);
      }
    }
  }
  int64_t records() const {
    int64_t count = 0;
    for (const Launch& launch : plan_->lowered.launches) count += launch.arguments.record_count;
    return count;
  }

 private:
  char* program() { return reinterpret_cast<char*>(program_.data()); }
  void run(const Record& record, int64_t tile) {
    const int kernel = kernel_of(record.handler);
    const emulator::Kernel one{"one tile", runs[kernel], sizeof(TileCall)};
    const TileCall call{&record, bases_.data(), tile, program()};
    const std::string wrong = emulator::launch(one, &call, 1, 64, 32 << 10);
    CHECK(wrong.empty(), "%s", wrong.c_str());
  }

  std::vector<std::unique_ptr<Promised>> memory_;
  std::unique_ptr<EmulatedPlan> plan_;
  std::unique_ptr<Promised> scratch_;
  std::vector<std::max_align_t> program_;
  std::vector<char*> bases_;
};

phx_value input(int32_t dtype, int index, const Shape& shape) {
  return dense(dtype, shape, PHX_INPUT, index);
}
phx_value output(int32_t dtype, int index, const Shape& shape) {
  return dense(dtype, shape, PHX_OUTPUT, index);
}

// A chain of one operation; `reduction` of the axes in the mask, or 0.
std::vector<int64_t> chain(const Shape& shape, int64_t opcode, int64_t dtype, int64_t reduced = 0,
                           int64_t reduction = 0) {
  std::vector<int64_t> p{1, 1, reduced, int64_t(shape.size())};
  p.insert(p.end(), shape.begin(), shape.end());
  const int64_t inputs = opcode == PHX_ADD ? 2 : 1;
  for (int64_t v :
       {opcode, dtype, int64_t(0), inputs == 2 ? int64_t(1) : int64_t(-1), int64_t(-1), int64_t(0)})
    p.push_back(v);
  p.push_back(inputs), p.push_back(reduction);
  return p;
}

void elementwise() {
  const int64_t n = 3 * giga + 7;  // 12 GB each
  Huge add(PHX_FUSED, {input(PHX_FLOAT32, 0, {n}), input(PHX_FLOAT32, 1, {n}), output(PHX_FLOAT32, 0, {n})},
           1, chain({n}, PHX_ADD, PHX_FLOAT32));
  for (const int64_t k : {int64_t(0), n - 1}) add.at<float>(0, k) = 3, add.at<float>(1, k) = float(k % 5);
  add.run_some();
  for (const int64_t k : {int64_t(0), n - 1})
    CHECK(add.at<float>(2, k) == 3 + float(k % 5), "element %lld", (long long)k);

  // One row for many: two axes, whose numbers are found in 64 bits.
  const Shape shape{3 * giga, 5};
  const phx_value row = value(PHX_UINT8, shape, {0, 1}, PHX_INPUT, 1);
  Huge wide(PHX_FUSED, {input(PHX_UINT8, 0, shape), row, output(PHX_UINT8, 0, shape)}, 1,
            chain(shape, PHX_ADD, PHX_UINT8));
  const int64_t last = 15 * giga - 1;
  wide.at<uint8_t>(0, last) = 200, wide.at<uint8_t>(1, 4) = 100;
  wide.run_some();
  CHECK(wide.at<uint8_t>(2, last) == 44, "uint8 wraps at the end: %d", wide.at<uint8_t>(2, last));
}

void moves() {
  // Halves of [2^17, 2^15 + 1] turned: 8.6 GB, more than 2^32 elements.
  const int64_t rows = int64_t(1) << 17, columns = (int64_t(1) << 15) + 1;
  const phx_value turned = value(PHX_FLOAT16, {columns, rows}, {1, columns}, PHX_INPUT, 0);
  Huge copy(PHX_COPY, {turned, output(PHX_FLOAT16, 0, {columns, rows})}, 1, {});
  copy.at<uint16_t>(0, rows * columns - 1) = 77;
  copy.run_some();
  CHECK(copy.at<uint16_t>(1, rows * columns - 1) == 77, "the corner of a transpose");

  // 4096 rows of a table of 12 GB.
  const int64_t n = 3 * giga / 64, width = 64;
  Huge gather(
      PHX_GATHER,
      {input(PHX_FLOAT32, 0, {n, width}), input(PHX_INT32, 1, {4096}), output(PHX_FLOAT32, 0, {4096, width})},
      1, {0, 0});
  gather.at<int32_t>(1, 4095) = int32_t(n - 1);
  gather.at<float>(0, n * width - 1) = 5;
  gather.run_some();
  CHECK(gather.at<float>(2, 4096 * width - 1) == 5, "the last row");

  // The same rows, added to it.
  Huge scatter(PHX_SCATTER_ADD,
               {input(PHX_FLOAT32, 0, {n, width}), input(PHX_INT32, 1, {2}),
                input(PHX_FLOAT32, 2, {2, width}), output(PHX_FLOAT32, 0, {n, width})},
               1, {0, 0});
  scatter.at<int32_t>(1, 0) = scatter.at<int32_t>(1, 1) = int32_t(n - 1);
  scatter.at<float>(2, width - 1) = 2, scatter.at<float>(2, 2 * width - 1) = 3;
  scatter.at<float>(0, n * width - 1) = 5;
  scatter.run_some();
  CHECK(scatter.at<float>(3, n * width - 1) == 10, "the last row is added to");
}

void along_axes() {
  const int64_t lines = 3 * giga / 512, length = 512;
  Huge sort(PHX_SORT,
            {input(PHX_UINT8, 0, {lines, length}), output(PHX_UINT8, 0, {lines, length}),
             output(PHX_INT32, 1, {lines, length})},
            2, {1});
  const int64_t begin = (lines - 1) * length;
  for (int64_t k = 0; k < length; k++) sort.at<uint8_t>(0, begin + k) = uint8_t(255 - k / 2);
  sort.run_some(length / 64);
  for (int64_t k = 0; k < length; k++)
    CHECK(sort.at<uint8_t>(1, begin + k) == k / 2, "place %lld of the last line", (long long)k);

  Huge sums(PHX_CUMSUM, {input(PHX_INT32, 0, {3 * giga, 1}), output(PHX_INT32, 0, {3 * giga, 1})}, 1, {1, 0});
  sums.at<int32_t>(0, 3 * giga - 1) = 6;
  sums.run_some();
  CHECK(sums.at<int32_t>(1, 3 * giga - 1) == 6, "a line of one element");

  const int64_t words = 5 * giga + 3;
  Huge bits(PHX_RANDOM_BITS, {input(PHX_UINT32, 0, {2}), output(PHX_UINT32, 0, {words})}, 1, {});
  bits.run_some();
  const FourWords four = philox(0, 0, uint64_t(words / 4));
  for (int64_t k = 0; k < words % 4; k++)
    CHECK(bits.at<uint32_t>(1, words / 4 * 4 + k) == four.words[k], "word %lld of the last", (long long)k);
}

void reductions() {
  // Rows of few elements, more of them than 2^31; then one row of 2^32, whose parts are summed.
  const Shape many{3 * giga, 2}, one{4, giga};
  const phx_value sums = value(PHX_UINT8, {3 * giga, 1}, {1, 0}, PHX_OUTPUT, 0);
  Huge rows(PHX_FUSED, {input(PHX_UINT8, 0, many), sums}, 1, chain(many, PHX_NEG, PHX_UINT8, 2, PHX_SUM));
  const int64_t last = 3 * giga - 1;
  rows.at<uint8_t>(0, 2 * last) = 3, rows.at<uint8_t>(0, 2 * last + 1) = 4;
  rows.run_some();
  CHECK(rows.at<uint8_t>(1, last) == 249, "the last row: %d", rows.at<uint8_t>(1, last));

  const phx_value whole = value(PHX_INT32, {1, 1}, {0, 0}, PHX_OUTPUT, 0);
  Huge parts(PHX_FUSED, {input(PHX_INT32, 0, one), whole}, 1, chain(one, PHX_NEG, PHX_INT32, 3, PHX_SUM));
  parts.at<int32_t>(0, 0) = 1, parts.at<int32_t>(0, 4 * giga - 1) = 10;
  parts.run_some(1);
  CHECK(parts.at<int32_t>(1, 0) == -11, "both ends: %d", parts.at<int32_t>(1, 0));
}

void products() {
  // [2^26, 64] @ [64, 64]: 2^32 sums, in parts of 2^30.
  const int64_t m = int64_t(1) << 26, k = 64;
  Huge tall(PHX_DOT_GENERAL,
            {input(PHX_FLOAT32, 0, {m, k}), input(PHX_FLOAT32, 1, {k, k}), output(PHX_FLOAT32, 0, {m, k})}, 1,
            {0, 1, 1, 1});
  CHECK(tall.records() == 4, "%lld records", (long long)tall.records());
  for (int64_t j = 0; j < k; j++)
    tall.at<float>(0, (m - 1) * k + j) = 1, tall.at<float>(1, j * k + k - 1) = 2;
  tall.run_some();
  CHECK(tall.at<float>(2, m * k - 1) == 128, "the last sum: %g", double(tall.at<float>(2, m * k - 1)));

  // 3 * 2^30 products of numbers: a batch.
  const int64_t batch = 3 * giga + 1;
  Huge dots(PHX_DOT_GENERAL,
            {input(PHX_UINT8, 0, {batch, 1, 1}), input(PHX_UINT8, 1, {batch, 1, 1}),
             output(PHX_UINT8, 0, {batch, 1, 1})},
            1, {1, 1, 1, 1});
  dots.at<uint8_t>(0, batch - 1) = 7, dots.at<uint8_t>(1, batch - 1) = 6;
  dots.run_some();
  CHECK(dots.at<uint8_t>(2, batch - 1) == 42, "the last of a batch");

  // 2^16 images of 224 x 224 pixels: 3.3e9 sums.
  const int64_t images = int64_t(1) << 16, side = 224;
  Huge convolution(PHX_CONV_GENERAL,
                   {input(PHX_UINT8, 0, {images, 1, side, side}), input(PHX_UINT8, 1, {1, 1, 3, 3}),
                    output(PHX_UINT8, 0, {images, 1, side, side})},
                   1, {0, 1, 1, 1, 1, 1, 1, 1, 1});
  const int64_t pixel = images * side * side - 1;
  convolution.at<uint8_t>(0, pixel) = 9, convolution.at<uint8_t>(1, 4) = 3;
  convolution.run_some();
  CHECK(convolution.at<uint8_t>(2, pixel) == 27, "the last pixel: %d", convolution.at<uint8_t>(2, pixel));
}

void expect_refused(const char* what, int32_t opcode, const std::vector<phx_value>& operands, int outputs,
                    const std::vector<int64_t>& params) {
  try {
    Huge huge(opcode, operands, outputs, params);
    CHECK(false, "%s is taken", what);
  } catch (const Failure& refused) {
    CHECK(std::strstr(refused.what(), what), "%s: %s", what, refused.what());
  }
}

// What int32 cannot name, and sums that are too long, are refused before anything runs.
void what_is_refused() {
  const int64_t n = 3 * giga;
  expect_refused("argmax", PHX_ARGMAX, {input(PHX_UINT8, 0, {n}), output(PHX_INT32, 0, {})}, 1, {1});
  expect_refused("iota", PHX_IOTA, {output(PHX_INT64, 0, {n})}, 1, {0});
  expect_refused("int32 indices", PHX_SORT,
                 {input(PHX_UINT8, 0, {n}), output(PHX_UINT8, 0, {n}), output(PHX_INT32, 1, {n})}, 2, {0});
  expect_refused("updates by index", PHX_SCATTER,
                 {input(PHX_UINT8, 0, {8}), input(PHX_INT32, 1, {n}), input(PHX_UINT8, 2, {n}),
                  output(PHX_UINT8, 0, {8})},
                 1, {0, 0});
  expect_refused("terms in a product", PHX_DOT_GENERAL,
                 {input(PHX_UINT8, 0, {1, n}), input(PHX_UINT8, 1, {n, 1}), output(PHX_UINT8, 0, {1, 1})}, 1,
                 {0, 1, 1, 1});
}

// All of it where counts end at 256: the same bits.
void ends_early() {
  Plans b;
  const Shape shape{40, 90};
  const phx_value x = input(PHX_FLOAT32, 0, shape),
                  turned = value(PHX_FLOAT32, {90, 40}, {1, 90}, PHX_INPUT, 0),
                  index = input(PHX_INT32, 1, {70}), square = output(PHX_FLOAT32, 0, {40, 40}),
                  copy = output(PHX_FLOAT32, 1, {90, 40}), rows = output(PHX_FLOAT32, 2, {70, 90}),
                  added = output(PHX_FLOAT32, 3, shape), sorted = output(PHX_FLOAT32, 4, shape),
                  from = output(PHX_INT32, 5, shape), running = output(PHX_FLOAT32, 6, shape),
                  negated = output(PHX_FLOAT32, 7, shape),
                  sum = value(PHX_FLOAT32, {1, 90}, {0, 1}, PHX_OUTPUT, 8),
                  batch = output(PHX_FLOAT32, 9, {90, 40});
  b.add(PHX_DOT_GENERAL, {x, turned}, {&square}, {0, 1, 1, 1});
  b.add(PHX_COPY, {turned}, {&copy}, {});
  b.add(PHX_GATHER, {x, index}, {&rows}, {0, 0});
  b.add(PHX_SCATTER_ADD, {x, index, rows}, {&added}, {0, 0});
  b.add(PHX_SORT, {x}, {&sorted, &from}, {1});
  b.add(PHX_CUMSUM, {x}, {&running}, {0, 1});
  b.add(PHX_FUSED, {x}, {&negated}, chain(shape, PHX_NEG, PHX_FLOAT32));
  b.add(PHX_FUSED, {x}, {&sum}, chain(shape, PHX_NEG, PHX_FLOAT32, 1, PHX_SUM));
  b.add(PHX_DOT_GENERAL, {turned, turned}, {&batch}, {2, 0, 0, 0});
  b.region(2, 10, 0);
  b.input_bytes = {14400, 280};
  b.output_bytes = {6400, 14400, 25200, 14400, 14400, 14400, 14400, 14400, 360, 14400};
  std::vector<float> numbers(3600);
  std::vector<int32_t> places(70);
  for (size_t k = 0; k < numbers.size(); k++) numbers[k] = float(k * 7919 % 1009) / 313 - 1.5f;
  for (size_t k = 0; k < places.size(); k++) places[k] = int32_t(k * 31 % 40);
  const auto outcome = [&](int64_t most_counted) {
    Target target = small_target();
    target.most_counted = most_counted;
    const std::vector<int32_t> apart(10, -1);
    const EmulatedPlan plan(b, target, &apart);
    std::vector<std::vector<char>> all;
    std::vector<void*> outputs;
    for (const int64_t bytes : b.output_bytes) all.emplace_back(size_t(bytes), char(0x5a));
    for (std::vector<char>& one : all) outputs.push_back(one.data());
    const std::string wrong = plan.run({numbers.data(), places.data()}, outputs);
    CHECK(wrong.empty(), "%s", wrong.c_str());
    return all;
  };
  const auto usual = outcome(Target().most_counted), early = outcome(256);
  for (size_t k = 0; k < usual.size(); k++) CHECK(usual[k] == early[k], "output %zu has other bits", k);
}

}  // namespace

int main() {
  elementwise();
  moves();
  along_axes();
  reductions();
  products();
  what_is_refused();
  ends_early();
  std::printf("%d failures\n", failures);
  return failures != 0;
}
