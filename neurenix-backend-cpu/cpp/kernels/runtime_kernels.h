// The loops that the runtime itself needs, as one table for each instruction set. The other table, of matrix
// products and convolutions, is in contract.h.
#pragma once

#include <cstdint>

#include "engine/layout/strided_copy.h"

namespace phynexus {

// out[i] = f(a[i], b[i], c[i]) for `count` elements. Operands that a kernel lacks are null. `out` may be the
// very memory of an operand. Nothing beyond `count` elements is read or written, and an element's result does
// not depend on where in the block it lies.
using ElementKernel = void (*)(char* out, const char* a, const char* b, const char* c, int64_t count,
                               int64_t immediate);

// How a binary kernel reads its operands: as blocks, or one of them as one element for the whole block.
enum class Form : int32_t { vectors = 0, second_uniform = 1, first_uniform = 2 };

// values [groups, rows, columns], dense, to out [groups, columns]. The order of the terms depends on the
// three sizes only. `spare` has room for rows * columns elements.
using ReduceKernel = void (*)(const char* values, char* out, char* spare, int64_t groups, int64_t rows,
                              int64_t columns);

// values [groups, rows, columns], dense: the largest of the rows to best [groups, columns], and to places where
// the first of that size is, `base` + positions[row] (which grow with the row). With `more`, both go on from what
// earlier rows left. NaN is larger than everything.
using FirstLargestKernel = void (*)(const char* values, char* best, int32_t* places, const int32_t* positions,
                                    int32_t base, int64_t groups, int64_t rows, int64_t columns, bool more);

// The largest (or smallest) of windows whose elements lie at in + offsets[p], for `count` neighbours.
using WindowKernel = void (*)(char* out, const char* in, const int64_t* offsets, int64_t positions,
                              int64_t count);

// A strided piece of memory beside a dense block of the same elements. The first axis has leading * factor
// elements, where `leading` comes with each call: the last block along an axis may be a short one. Strides in
// bytes.
struct Tile {
  int32_t rank;
  int32_t item_bytes;
  int64_t factor;
  int64_t counts[max_tile_rank];  // counts[0] is not used
  int64_t strides[max_tile_rank];
};

struct RuntimeKernels {
  // The most bytes that all values of a chain take over one block; blocks are as large as this allows.
  int64_t block_bytes;
  // Each returns null where the pair has no meaning.
  ElementKernel (*unary)(int32_t opcode, int32_t dtype);
  ElementKernel (*binary)(int32_t opcode, int32_t dtype, Form form);
  ElementKernel (*where)(int32_t dtype, bool first_uniform, bool second_uniform);
  // where(a < b, c, d) in one pass; the address of d comes as the immediate.
  ElementKernel (*compare_where)(int32_t opcode, int32_t dtype, bool b_uniform, bool c_uniform,
                                 bool d_uniform);
  // a * b + c, a * b - c, c - a * b with one rounding where the machine has it.
  ElementKernel (*multiply_add)(int32_t sign, int32_t dtype, bool b_uniform);
  ElementKernel (*cast)(int32_t from, int32_t to);
  ElementKernel (*splat)(int32_t item_bytes);
  ReduceKernel (*reduce)(int32_t opcode, int32_t dtype);
  FirstLargestKernel (*first_largest)(int32_t dtype);
  // The first largest (or first NaN) of `count` dense elements.
  int64_t (*argmax)(int32_t dtype, const char* values, int64_t count);
  // The same for `columns` neighbours at once, whose `rows` (at most 64) candidates lie at `offsets` (bytes).
  void (*argmax_columns)(int32_t dtype, const char* values, const int64_t* offsets, int64_t rows,
                         int64_t columns, int32_t* out);

  WindowKernel (*window)(int32_t dtype, bool largest);

  // `dense` has room for 64 bytes more, which may be written.
  void (*read_tile)(char* dense, const char* strided, const Tile& tile, int64_t leading);
  void (*write_tile)(char* strided, const char* dense, const Tile& tile, int64_t leading);
  void (*copy)(char* out, const char* in, const StridedCopy& copy);

  void (*random_bits)(uint32_t* out, const uint32_t* key, int64_t first, int64_t count);
};

namespace portable {
extern const RuntimeKernels runtime_kernels;
}
namespace avx2 {
extern const RuntimeKernels runtime_kernels;
}
namespace avx512 {
extern const RuntimeKernels runtime_kernels;
}

}  // namespace phynexus
