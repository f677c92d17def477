// The device's code as it lies in this library.
#pragma once

#include <cstdint>

namespace phynexus::cuda {

extern const void* const device_code;
// Threads of a block: more than an emulated one has, whose threads are fibers that take turns.
extern const int32_t block_threads;

}  // namespace phynexus::cuda
