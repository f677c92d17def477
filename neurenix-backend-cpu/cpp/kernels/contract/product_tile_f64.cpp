// Compiles the product tiles of float64.
#include "product_tile_table.h"

namespace phynexus::PHYNEXUS_ISA::contract {

template TileKernel<double> tile_kernel<double>(int64_t, int64_t, Tail);
template TileKernel<double> adjacent_tile_kernel<double>(int64_t, int64_t, Tail);

}  // namespace phynexus::PHYNEXUS_ISA::contract
