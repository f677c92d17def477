// Counts the forks that lead to this process since the library was opened: a child cannot use its parent's device.
#pragma once

namespace phynexus::gpu {

int forks();

}  // namespace phynexus::gpu
