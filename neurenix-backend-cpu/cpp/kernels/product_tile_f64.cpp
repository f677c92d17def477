#include "product_tile_table.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template TileKernel<double> tile_kernel<double>(int64_t, int64_t, bool);
template TileKernel<double> adjacent_tile_kernel<double>(int64_t, int64_t, bool);

}  // namespace phynexus::PHYNEXUS_ISA::contract
