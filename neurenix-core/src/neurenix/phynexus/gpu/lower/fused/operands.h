// The values of an instruction as the operands of a chain.
#pragma once

#include <utility>

#include "chain.h"

namespace phynexus::gpu {

inline Chain::Operand operand_of(const Builder& builder, const phx_value& value) {
  Chain::Operand x;
  x.at = builder.place(value);
  x.storage = value.dtype;
  x.value = &value;
  for (int d = 0; d < value.rank; d++) x.strides.push_back(value.strides[d] * item_bytes(value.dtype));
  return x;
}

inline std::vector<Chain::Axis> axes_of(const phx_value& value) {
  std::vector<Chain::Axis> axes;
  for (int d = 0; d < value.rank; d++) axes.push_back({value.shape[d], false});
  return axes;
}

inline Chain::Output stored(int32_t value, Chain::Operand to) {
  Chain::Output output;
  output.value = value;
  output.to = std::move(to);
  return output;
}

}  // namespace phynexus::gpu
