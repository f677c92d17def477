// A strided copy, in pieces that threads can share.
#pragma once

#include "engine/layout/axes.h"
#include "step.h"

namespace phynexus {

class CopyPieces {
 public:
  CopyPieces(const phx_value& in, const phx_value& out, const RuntimeKernels& kernels);
  void run(const Frame& frame, char* out, const char* in) const;
  int64_t elements() const { return total_; }

 private:
  const RuntimeKernels* kernels_;
  StridedCopy copy_;
  int64_t total_ = 1;
};

}  // namespace phynexus
