// The table of handlers: a name, whose number is its place here, its parameters, and the kernel that runs it on the
// whole device, so that a kernel has the registers of its kind only.
//
// A room is a folder: params.h has its list, and for each handler `name` a struct of parameters and a constant
// name_shared_bytes, for the host too; room.h has the device's functions, see group.h. Adding a handler touches one
// folder.
#pragma once

#include "contract/params.h"
#include "control/params.h"
#include "elementwise/params.h"
#include "index/params.h"
#include "linear_algebra/params.h"

// X(name, Params, kernel)
#define PHYNEXUS_HANDLERS(X)       \
  PHYNEXUS_CONTROL_HANDLERS(X)     \
  PHYNEXUS_ELEMENTWISE_HANDLERS(X) \
  PHYNEXUS_INDEX_HANDLERS(X)       \
  PHYNEXUS_CONTRACT_HANDLERS(X)    \
  PHYNEXUS_LINEAR_ALGEBRA_HANDLERS(X)

// The kernels that run records on the whole device; a handler's third column is one of these. A task's kernel has the
// handlers of the first ones, up to its second column; a task runs in the first that has all of its own. The first is for
// what networks are made of, in registers that let two blocks share a multiprocessor. Those of the last ones need more of
// a multiprocessor than a task has to give.
// clang-format off
#define PHYNEXUS_LEVEL_KERNELS(X) \
  X(control) X(elementwise) X(contract) X(index) \
  X(order) X(wide) X(contract_other) X(linear_algebra) \
  X(product_direct) X(product_large) X(product_medium) X(product_small) X(product_other) X(product_tensor) X(product_update)
#define PHYNEXUS_TASK_KERNELS(X) X(phynexus_task, index) X(phynexus_task_any, linear_algebra)
// clang-format on

namespace phynexus::gpu {

enum Handler : int {
#define X(name, Params, kernel) handler_##name,
  PHYNEXUS_HANDLERS(X)
#undef X
      handler_count
};

enum LevelKernel : int {
#define X(name) kernel_##name,
  PHYNEXUS_LEVEL_KERNELS(X)
#undef X
      level_kernel_count
};

}  // namespace phynexus::gpu
