// Refuses opcodes and dtypes that an engine does not declare.
#pragma once

#include <phynexus.h>

#include "plan.h"

namespace phynexus {

// The plan has been checked. Throws Failure, PHX_UNSUPPORTED, for an opcode or dtype that the capabilities lack.
void refuse_undeclared(const Plan& plan, const phx_capabilities& declared);

}  // namespace phynexus
