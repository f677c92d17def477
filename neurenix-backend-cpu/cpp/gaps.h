// What this engine lacks of the opcodes and dtypes that it declares.
#pragma once

#include "engine/plan/plan.h"

namespace phynexus {

// Throws Failure with PHX_UNSUPPORTED, for a plan that validate() has passed.
void check_gaps(const Plan& plan);

}  // namespace phynexus
