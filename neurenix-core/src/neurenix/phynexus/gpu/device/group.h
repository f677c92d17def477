// The threads that do a tile together: those of one block.
#pragma once

#include "platform.h"
#include "record.h"

namespace phynexus::gpu {

// A handler is called by all threads of a group with the same arguments:
//
//   DEVICE void name(const NameParams& p, char* const* bases, int64_t tile, const Group& group);
//
// It may meet at barriers, all of them, and use `memory`, name_shared_bytes of its own (a constant beside its Params,
// at most 32 KB). It begins and ends without one: whoever calls it puts barriers after tiles that use `memory`, and
// between levels. It works for any number of threads that is a multiple of LANES, up to 1024, and addresses may be
// those of shared memory. What a tile reads and writes lies within the instruction's operands; it is the only one to
// write there. No atomics on floats: the same bits every time.
struct Group {
  int thread;  // 0 .. threads - 1
  int threads;
  char* memory;         // shared, aligned to 16 bytes
  const char* program;  // Lowered::program: what Builder::add_data has put there is program + its offset

  DEVICE void barrier() const { block_barrier(); }
};

// The place of a pointer in a frame.
template <class T>
DEVICE T* at(char* const* bases, const Pointer& p) {
  return reinterpret_cast<T*>(bases[p.base] + p.offset);
}

// Its element [0, ..., 0].
template <class T>
DEVICE T* at(char* const* bases, const View& view) {
  return at<T>(bases, view.at);
}

}  // namespace phynexus::gpu
