// How many threads this process may use.
#pragma once

namespace phynexus {

// NEURENIX_NUM_THREADS, else the smaller of the affinity mask and the control group's quota of processor
// time.
int available_threads();

}  // namespace phynexus
