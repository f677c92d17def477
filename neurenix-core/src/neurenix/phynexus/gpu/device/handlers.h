// The table of handlers: a name, whose number is its place here, and the kernel that runs it on the whole device, so
// that a kernel has the registers of its kind only. A task's kernel runs all of them.
//
// A handler `name` has a struct NameParams, a constant name_shared_bytes and a function of that name; see group.h.
#pragma once

// X(name, Params, kernel); a list for each room, so that adding a handler touches one.
#define PHYNEXUS_ELEMENTWISE_HANDLERS(X)
#define PHYNEXUS_REDUCE_HANDLERS(X)
#define PHYNEXUS_INDEX_HANDLERS(X)
#define PHYNEXUS_CONTRACT_HANDLERS(X)
#define PHYNEXUS_LINEAR_ALGEBRA_HANDLERS(X)
#define PHYNEXUS_HANDLERS(X)       \
  PHYNEXUS_ELEMENTWISE_HANDLERS(X) \
  PHYNEXUS_REDUCE_HANDLERS(X)      \
  PHYNEXUS_INDEX_HANDLERS(X)       \
  PHYNEXUS_CONTRACT_HANDLERS(X)    \
  PHYNEXUS_LINEAR_ALGEBRA_HANDLERS(X)

namespace phynexus::gpu {
enum Handler : int {
#define X(name, Params, kernel) handler_##name,
  PHYNEXUS_HANDLERS(X)
#undef X
  handler_count
};
}  // namespace phynexus::gpu
