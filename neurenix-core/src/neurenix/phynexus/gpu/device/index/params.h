// The handlers of this room: their list, their parameters and the shared memory that they use. For host and device.
#pragma once

#include "../elementwise/code.h"

// X(name, Params, kernel)
#define PHYNEXUS_INDEX_HANDLERS(X)       \
  X(gather, GatherParams, index)         \
  X(scatter, ScatterParams, index)       \
  X(sort_runs, SortParams, order)        \
  X(sort_merge, SortParams, order)       \
  X(cumsum_totals, CumsumParams, order)  \
  X(cumsum_offsets, CumsumParams, order) \
  X(cumsum, CumsumParams, order)         \
  X(random_bits, RandomBitsParams, index)

namespace phynexus::gpu {

inline constexpr int gather_shared_bytes = 0, scatter_shared_bytes = 0, sort_runs_shared_bytes = 0,
                     sort_merge_shared_bytes = 0, cumsum_totals_shared_bytes = 0,
                     cumsum_offsets_shared_bytes = 0, cumsum_shared_bytes = 0, random_bits_shared_bytes = 0;

inline constexpr int run_of_index = 4;  // elements that a thread gathers or scatters to

// A tile's units are numbered behind those of the tiles before it, one a thread.
struct UnitWalk {
  int64_t units = 0;
  int32_t axes = 0;
  int32_t large = 0;      // 1: numbers of units do not fit 31 bits
  int32_t run_axis = -1;  // counted in runs of run_of_index; -1: there is one element, or runs are not taken
  int32_t unused = 0;
  int64_t run_size = 1;
  Divisor sizes[max_rank];
};

// Axes that are walked within a unit: those of an index, or the one that is sorted.
struct Along {
  int64_t count = 1;
  int32_t axes = 0;
  int32_t large = 0;
  Divisor sizes[max_rank];
};

struct GatherParams {
  UnitWalk walk;               // over the output
  ChainOperand x, index, out;  // x without its gathered axis
  int64_t x_stride = 0;        // along it
  int64_t n = 0;               // its size
  int32_t item_bytes = 0;
  int32_t unused = 0;
};

struct ScatterParams {
  UnitWalk walk;  // over the output
  Along along;    // over the index behind its batch axes: the updates of one place in row-major order
  ChainOperand x, index, updates, out;
  ChainOperand position;               // along the axis that is written by index
  ChainOperand order;                  // where `sorted`: the updates' numbers, int32, in order of their index
  int64_t index_along[max_rank] = {};  // strides along `along`
  int64_t updates_along[max_rank] = {};
  int64_t n = 0;
  int32_t dtype = 0;
  int32_t adds = 0;
  int32_t sorted = 0;
  int32_t unused = 0;
};

// A unit is an element of a line. Sorting numbers of elements: runs of `run` are sorted, then merged in pairs.
struct SortParams {
  UnitWalk lines;
  Along along;
  ChainOperand in;  // along lines
  int64_t in_along[max_rank] = {};
  ChainOperand values, from;  // run_stride: along the line
  Pointer before, after;      // int32 [lines, count]
  int64_t run = 0;            // a power of two
  int64_t most = -1;          // not negative: indices, clamped to 0 .. most
  int32_t dtype = 0;
  int32_t last = 0;  // 1: goes to `from`, and to `values` where it writes them, not to `after`
  int32_t writes_values = 0;
  int32_t large = 0;            // 1: the number of elements does not fit 31 bits
  Divisor line_and_element[2];  // how many lines, and elements in one
};

// A unit is a chunk of a line. Sums are double, or uint64_t, and rounded where they are stored.
struct CumsumParams {
  UnitWalk lines;
  ChainOperand in, out;  // run_stride: along the line
  Pointer totals;        // [lines, chunks], of chunks, then of all before them
  int64_t count = 0, chunk = 0, chunks = 1;
  int32_t dtype = 0;
  int32_t reverse = 0;
  int32_t large = 0;  // 1: the number of chunks does not fit 31 bits
  int32_t unused = 0;
  Divisor chunk_and_line[2];  // how many chunks in a line, and lines
};

// A unit is a counter, which gives four elements.
struct RandomBitsParams {
  UnitWalk walk;  // over the elements, in row-major order
  Pointer key;
  int64_t key_stride = 0;
  ChainOperand out;
  int64_t count = 0;
};

}  // namespace phynexus::gpu
