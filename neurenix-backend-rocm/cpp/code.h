// The device's code that this library carries, and how many threads its blocks have.
#pragma once

#include <cstdint>
#include <string>

namespace phynexus::hip {

// For an architecture of PHYNEXUS_HIP_ARCHITECTURES; the emulated engine has the same for all.
const void* device_code(const std::string& architecture);
extern const int32_t block_threads;

}  // namespace phynexus::hip
