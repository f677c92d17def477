// Compiles the product tiles of float32.
#include "product_tile_table.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template TileKernel<float> tile_kernel<float>(int64_t, int64_t, Tail);
template TileKernel<float> adjacent_tile_kernel<float>(int64_t, int64_t, Tail);

}  // namespace phynexus::PHYNEXUS_ISA::contract
