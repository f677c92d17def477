#include "product_tile_table.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template TileKernel<float> tile_kernel<float>(int64_t, int64_t, bool);
template TileKernel<float> adjacent_tile_kernel<float>(int64_t, int64_t, bool);

}  // namespace phynexus::PHYNEXUS_ISA::contract
