// Operands of random layouts, and one instruction run over them.
#pragma once

#include "plan_builder.h"

namespace engine_test {

struct Operand {
  phx_value view;
  Bytes bytes;
};

inline Operand operand(int32_t dtype, const Shape& shape, bool input, int32_t index) {
  Shape strides;
  int64_t offset;
  const int64_t bytes = random_layout(shape, dtype, input, strides, offset);
  Operand x{value(dtype, shape, strides, input ? PHX_INPUT : PHX_OUTPUT, index, bytes ? offset : 0),
            Bytes(size_t(bytes))};
  for (int64_t i = 0; i < bytes / size_of(dtype); i++) set(x.bytes.data(), dtype, i, double(pick(0, 30)));
  return x;
}

inline Shape shape_of(int64_t low, int64_t high, int64_t most) {
  Shape shape;
  for (int64_t d = pick(low, high); d > 0; d--) shape.push_back(pick(0, 15) == 0 ? 0 : pick(1, most));
  return shape;
}

inline Shape joined(std::initializer_list<Shape> parts) {
  Shape all;
  for (const Shape& p : parts) all.insert(all.end(), p.begin(), p.end());
  return all;
}

// Runs one instruction over its operands: the last ones are its outputs.
inline void run_one(int32_t opcode, std::vector<Operand*> operands, const std::vector<int64_t>& params,
                    int threads, size_t outputs = 1) {
  Builder b;
  std::vector<phx_value> inputs;
  std::vector<const phx_value*> results;
  std::vector<Bytes> in, out;
  const size_t first = operands.size() - outputs;
  for (size_t k = 0; k < operands.size(); k++) {
    Operand& x = *operands[k];
    (k < first ? in : out).push_back(x.bytes);
    (k < first ? b.input_bytes : b.output_bytes).push_back(int64_t(x.bytes.size()));
    if (k < first) inputs.push_back(x.view);
    else results.push_back(&x.view);
  }
  b.add(opcode, inputs, results, params);
  b.region(int32_t(inputs.size()), int32_t(outputs), 0);
  CHECK(run(b, in, out, threads), "%s", api().last_error());
  for (size_t k = 0; k < outputs; k++) operands[first + k]->bytes = out[k];
}

inline double read(const Operand& x, const Shape& index) {
  return get(x.bytes.data(), x.view.dtype, at(x.view, index));
}

inline const int32_t kinds[] = {PHX_FLOAT32, PHX_FLOAT64, PHX_INT32, PHX_UINT8, PHX_INT64, PHX_UINT32};

}  // namespace engine_test
