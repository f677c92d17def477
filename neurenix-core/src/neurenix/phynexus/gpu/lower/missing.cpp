// Temporary: what nobody has written yet is refused when a plan is compiled. Remove it once the linker needs none.
#include "../../engine/failure.h"
#include "builder.h"

namespace phynexus::gpu {
#define MISSING(name) \
  __attribute__((weak)) void name(Builder&, const phx_instruction&) { lack(#name " is still to be written"); }
MISSING(lower_copy)
MISSING(lower_argmax)
MISSING(lower_cumsum)
MISSING(lower_sort)
MISSING(lower_gather)
MISSING(lower_scatter)
MISSING(lower_iota)
MISSING(lower_random_bits)
MISSING(lower_dot_general)
MISSING(lower_convolution)
MISSING(lower_cholesky)
MISSING(lower_triangular_solve)
MISSING(lower_lu)
}  // namespace phynexus::gpu
