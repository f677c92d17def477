// The kernels that are linked with the emulator, by name, as what emulator::launch calls.
#pragma once

namespace phynexus::emulator {

// Null for a name that no kernel has.
void (*entry_of(const char* name))(const void*);

}  // namespace phynexus::emulator
