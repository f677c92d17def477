// A tiny builder of plans, and memory to run them on: for the engine's tests only.
#pragma once

#include <phynexus.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace engine_test {

inline const phx_api& api() { return *phynexus_api(); }

inline int failures = 0;

#define CHECK(condition, ...)                                     \
  do {                                                            \
    if (!(condition)) {                                           \
      std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                   \
      std::printf("\n");                                          \
      if (++engine_test::failures > 20) std::exit(1);             \
    }                                                             \
  } while (0)

using Shape = std::vector<int64_t>;

inline int32_t size_of(int32_t dtype) {
  return dtype == PHX_FLOAT64 || dtype == PHX_INT64 ? 8 : dtype == PHX_BOOL || dtype == PHX_UINT8 ? 1 : 4;
}
inline int64_t count_of(const Shape& shape) {
  int64_t n = 1;
  for (int64_t s : shape) n *= s;
  return n;
}
inline Shape dense_strides(const Shape& shape) {
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride *= shape[d]) strides[d] = stride;
  return strides;
}

inline phx_value value(int32_t dtype, const Shape& shape, const Shape& strides, int32_t space,
                       int32_t index = 0, int64_t offset = 0) {
  phx_value v{};
  v.dtype = dtype;
  v.rank = int32_t(shape.size());
  for (size_t d = 0; d < shape.size(); d++) v.shape[d] = shape[d], v.strides[d] = strides[d];
  v.space = space;
  v.index = index;
  v.offset = offset;
  return v;
}
inline phx_value dense(int32_t dtype, const Shape& shape, int32_t space, int32_t index = 0,
                       int64_t offset = 0) {
  return value(dtype, shape, dense_strides(shape), space, index, offset);
}

struct Builder {
  std::vector<phx_value> values;
  std::vector<phx_instruction> instructions;
  std::vector<int32_t> operands;
  std::vector<int64_t> params;
  std::vector<phx_region> regions;
  std::vector<char> constants;
  std::vector<int64_t> input_bytes, output_bytes;
  int32_t region_start = 0;

  void add(int32_t opcode, const std::vector<phx_value>& inputs, const std::vector<const phx_value*>& outputs,
           const std::vector<int64_t>& parameters, int32_t region = -1) {
    phx_instruction x{opcode,
                      int32_t(inputs.size()),
                      int32_t(outputs.size()),
                      int32_t(operands.size()),
                      int32_t(parameters.size()),
                      int32_t(params.size()),
                      region,
                      7};
    for (const phx_value& v : inputs) operands.push_back(int32_t(values.size())), values.push_back(v);
    for (const phx_value* v : outputs) {
      operands.push_back(v ? int32_t(values.size()) : -1);
      if (v) values.push_back(*v);
    }
    params.insert(params.end(), parameters.begin(), parameters.end());
    instructions.push_back(x);
  }
  int32_t region(int32_t inputs, int32_t outputs, int64_t scratch) {
    regions.push_back({inputs, outputs, region_start, int32_t(instructions.size()) - region_start, scratch});
    region_start = int32_t(instructions.size());
    return int32_t(regions.size()) - 1;
  }
  phx_plan plan() const {
    phx_plan p{};
    p.struct_size = sizeof p;
    p.values = values.data();
    p.instructions = instructions.data();
    p.operands = operands.data();
    p.params = params.data();
    p.regions = regions.data();
    p.constants = constants.data();
    p.value_count = int32_t(values.size());
    p.instruction_count = int32_t(instructions.size());
    p.operand_count = int32_t(operands.size());
    p.param_count = int32_t(params.size());
    p.region_count = int32_t(regions.size());
    p.constant_bytes = int64_t(constants.size());
    p.input_bytes = input_bytes.data();
    p.output_bytes = output_bytes.data();
    return p;
  }
};

struct Handle {
  phx_engine* engine = nullptr;
  explicit Handle(int threads) {
    phx_options options{};
    options.struct_size = sizeof options;
    options.threads = threads;
    if (api().create(0, &options, &engine) != PHX_OK)
      std::printf("create: %s\n", api().last_error()), std::exit(1);
  }
  ~Handle() { api().destroy(engine); }
};

inline phx_engine* shared_engine(int threads) {
  static std::map<int, Handle> engines;
  return engines.try_emplace(threads, threads).first->second.engine;
}

// Exactly as many bytes as the plan may touch, so that an address sanitizer sees each one beyond.
using Bytes = std::vector<char>;

inline bool run(const Builder& b, std::vector<Bytes>& inputs, std::vector<Bytes>& outputs, int threads = 1) {
  const phx_plan plan = b.plan();
  phx_executable* executable = nullptr;
  if (api().compile(shared_engine(threads), &plan, &executable) != PHX_OK) return false;
  std::vector<void*> in, out;
  for (Bytes& x : inputs) in.push_back(x.data());
  for (Bytes& x : outputs) out.push_back(x.data());
  const phx_status status = api().run(executable, in.data(), out.data());
  if (status != PHX_OK) std::printf("run: %s\n", api().last_error());
  // A second time: nothing of the first run may matter.
  if (status == PHX_OK && out.size() == 1 && in.size() > 0 && in[0] != out[0])
    api().run(executable, in.data(), out.data());
  api().release_executable(executable);
  return status == PHX_OK;
}

inline std::mt19937& random_numbers() {
  static std::mt19937 generator(20240607);
  return generator;
}
inline int64_t pick(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random_numbers());
}
inline double normal() { return std::normal_distribution<double>()(random_numbers()); }

inline double get(const char* base, int32_t dtype, int64_t element) {
  const char* at = base + element * size_of(dtype);
  switch (dtype) {
    case PHX_FLOAT32: {
      float x;
      std::memcpy(&x, at, 4);
      return x;
    }
    case PHX_FLOAT64: {
      double x;
      std::memcpy(&x, at, 8);
      return x;
    }
    case PHX_INT32: {
      int32_t x;
      std::memcpy(&x, at, 4);
      return x;
    }
    case PHX_INT64: {
      int64_t x;
      std::memcpy(&x, at, 8);
      return double(x);
    }
    case PHX_UINT32: {
      uint32_t x;
      std::memcpy(&x, at, 4);
      return x;
    }
    default: return uint8_t(*at);
  }
}
inline void set(char* base, int32_t dtype, int64_t element, double x) {
  char* at = base + element * size_of(dtype);
  const auto put = [&](auto y) { std::memcpy(at, &y, sizeof y); };
  switch (dtype) {
    case PHX_FLOAT32: return put(float(x));
    case PHX_FLOAT64: return put(x);
    case PHX_INT32: return put(int32_t(x));
    case PHX_INT64: return put(int64_t(x));
    case PHX_UINT32: return put(uint32_t(x));
    case PHX_BOOL: return put(uint8_t(x != 0));
    default: return put(uint8_t(x));
  }
}

// A random layout for a shape: axes in any order, some backwards, some (of an input) broadcast, with gaps now
// and then. Returns the bytes that it needs; `offset` leads to the first element.
inline int64_t random_layout(const Shape& shape, int32_t dtype, bool input, Shape& strides, int64_t& offset) {
  std::vector<size_t> order(shape.size());
  for (size_t d = 0; d < order.size(); d++) order[d] = d;
  if (pick(0, 2) == 0) std::shuffle(order.begin(), order.end(), random_numbers());
  strides.assign(shape.size(), 0);
  int64_t stride = pick(0, 5) == 0 ? 2 : 1, first = 0, last = 0;
  for (size_t i = order.size(); i-- > 0;) {
    const size_t d = order[i];
    if (input && pick(0, 4) == 0) continue;
    strides[d] = pick(0, 6) == 0 ? -stride : stride;
    const int64_t reach = (shape[d] - 1) * strides[d];
    if (shape[d] > 0) (reach < 0 ? first : last) += reach;
    stride *= shape[d] > 0 ? shape[d] : 1;
    if (pick(0, 7) == 0) stride += pick(1, 3);
  }
  offset = -first * size_of(dtype);
  return count_of(shape) ? (last - first + 1) * size_of(dtype) : 0;
}

// Calls f(index) for each index of a shape, in row-major order.
template <class F>
void each_index(const Shape& shape, const F& f) {
  if (count_of(shape) == 0) return;
  Shape index(shape.size(), 0);
  for (;;) {
    f(index);
    size_t d = shape.size();
    while (d-- > 0) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
    if (d == size_t(-1)) return;
  }
}
inline int64_t at(const phx_value& v, const Shape& index, size_t first = 0) {
  int64_t element = v.offset / size_of(v.dtype);
  for (int d = 0; d < v.rank; d++) element += index[first + size_t(d)] * v.strides[d];
  return element;
}

void test_elementwise();
void test_math();
void test_movement();
void test_along_axis();
void test_linear_algebra();
void test_contractions();
void test_product_code();
void test_assembler();
void test_emitted_code();
void test_control();
void test_sum_tree();
void test_refusals();
void test_threads();
void test_arenas();
void test_steps();

}  // namespace engine_test
