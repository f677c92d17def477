// Finds a kernel by its name.
#include "entries.h"

#include <string.h>

#include "../device/handlers.h"

// To their callers, arguments that are passed by reference are a pointer.
extern "C" {
#define X(name) void phynexus_level_##name(const void*);
PHYNEXUS_LEVEL_KERNELS(X)
#undef X
void phynexus_task(const void*);
void phynexus_begin(const void*);
void phynexus_end(const void*);
void phynexus_bind(const void*);
}

namespace phynexus::emulator {

void (*entry_of(const char* name))(const void*) {
  struct Entry {
    const char* name;
    void (*run)(const void*);
  };
  static const Entry entries[] = {
#define X(name) {"phynexus_level_" #name, phynexus_level_##name},
      PHYNEXUS_LEVEL_KERNELS(X)
#undef X
      {"phynexus_task", phynexus_task},
      {"phynexus_begin", phynexus_begin},
      {"phynexus_end", phynexus_end},
      {"phynexus_bind", phynexus_bind},
  };
  for (const Entry& entry : entries)
    if (strcmp(entry.name, name) == 0) return entry.run;
  return nullptr;
}

}  // namespace phynexus::emulator
