// Which outputs of a chain may lie in the memory of which inputs.
#pragma once

#include "blocks.h"

namespace phynexus::fused {

class Sharing {
 public:
  Sharing(const Lowering& lowering, const phx_instruction& instruction)
      : plan_(lowering.plan),
        instruction_(instruction),
        apart_(plan_.apart[size_t(lowering.region - plan_.regions.data())]) {}

  bool possible(size_t input, size_t output) const {
    return may_share_memory(in(input), out(output), apart_);
  }
  // Whether an output may be written over an input that lies a little beside it, element for element.
  bool shifted(size_t input, size_t output) const;

 private:
  const phx_value& in(size_t k) const { return plan_.input(instruction_, int64_t(k)); }
  const phx_value& out(size_t k) const { return plan_.output(instruction_, int64_t(k)); }

  const Plan& plan_;
  const phx_instruction& instruction_;
  bool apart_;
};

}  // namespace phynexus::fused
