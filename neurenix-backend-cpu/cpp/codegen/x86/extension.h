// Which extension of x86-64 code is written for, and what its vectors are.
#pragma once

#include <cstdint>

namespace phynexus::x86 {

// avx512: F, BW, DQ and VL; 32 vectors of 512 bits, masks, operands that repeat one element. avx2: with FMA; 16
// vectors of 256 bits, whose elements serve as masks.
enum class Extension : uint8_t { avx512, avx2 };

inline constexpr int lanes_of(Extension extension) { return extension == Extension::avx2 ? 8 : 16; }
inline constexpr int vectors_of(Extension extension) { return extension == Extension::avx2 ? 16 : 32; }

}  // namespace phynexus::x86
