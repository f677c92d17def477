// What lowers one instruction to records says to: where operands lie, and which records there are.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "../../engine/plan/instructions.h"
#include "../device/handlers.h"
#include "../device/record.h"
#include "library_product.h"

namespace phynexus::gpu {

// An instruction is lowered twice, first to count its phases and workspaces, then where they lie: a lowering function
// does the same both times, whatever the offsets of pointers are.
class Builder {
 public:
  virtual ~Builder() = default;

  const Plan& plan;
  explicit Builder(const Plan& plan) : plan(plan) {}

  // The place of a value in the frame that is being lowered (calls are inlined: it may be another one than the value's
  // own region has).
  virtual Pointer place(const phx_value& value) const = 0;
  // Scratch of the instruction's own, aligned to 64 bytes, from now until its last phase.
  virtual Pointer workspace(int64_t bytes) = 0;
  // A record of the current phase. Records of one phase run in any order, or at once. None where tiles is 0.
  template <class Params>
  void add(Handler handler, int64_t tiles, const Params& params) {
    static_assert(std::is_trivially_copyable_v<Params>);
    add_bytes(handler, tiles, &params, sizeof params);
  }
  // Bytes for the program that parameters may refer to by offset from the program's begin, aligned to 16.
  virtual int64_t add_data(const void* bytes, int64_t size) = 0;
  // What is added from now on waits for what was added before.
  virtual void next_phase() = 0;
  // Whether a block is to run it within a task (few threads, one multiprocessor) or all of the device.
  virtual bool within_task() const = 0;
  // Threads of a block that will run it.
  virtual int32_t threads() const = 0;
  virtual bool tensor_cores() const { return false; }
  // What a device counts in 32 bits stays below it: beyond, walks divide in 64 bits, and products go in parts.
  virtual int64_t most_counted() const { return int64_t(1) << 31; }
  // Of phx_options: how float32 products may be rounded.
  virtual int32_t precision() const { return 0; }
  // Whether a product, which may be rounded, is left to the vendor's library: there is one, a call is
  // worth it, and the host knows where all operands lie.
  virtual bool library_takes(const LibraryProduct&) const { return false; }
  virtual bool library_rounds() const { return true; }
  // Leaves it, as a step of the current phase.
  virtual void add_library_product(const LibraryProduct&) {}

  View view(const phx_value& value) const {
    View v;
    v.at = place(value);
    v.dtype = value.dtype;
    v.rank = value.rank;
    for (int d = 0; d < value.rank; d++) v.shape[d] = value.shape[d], v.strides[d] = value.strides[d];
    return v;
  }

 protected:
  virtual void add_bytes(Handler handler, int64_t tiles, const void* params, int64_t size) = 0;
};

// One for each kind of instruction, in a file of its own beside this one.
void lower_fused(Builder&, const phx_instruction&);
void lower_argmax(Builder&, const phx_instruction&);
void lower_cumsum(Builder&, const phx_instruction&);
void lower_sort(Builder&, const phx_instruction&);
void lower_copy(Builder&, const phx_instruction&);
void lower_gather(Builder&, const phx_instruction&);
void lower_scatter(Builder&, const phx_instruction&);  // PHX_SCATTER and PHX_SCATTER_ADD
void lower_iota(Builder&, const phx_instruction&);
void lower_random_bits(Builder&, const phx_instruction&);
void lower_dot_general(Builder&, const phx_instruction&);
void lower_convolution(Builder&, const phx_instruction&);
void lower_cholesky(Builder&, const phx_instruction&);
void lower_triangular_solve(Builder&, const phx_instruction&);
void lower_lu(Builder&, const phx_instruction&);

}  // namespace phynexus::gpu
