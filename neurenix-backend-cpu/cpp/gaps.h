// Refuses combinations of declared opcodes and dtypes that this engine has no kernel for.
#pragma once

#include "engine/plan/plan.h"

namespace phynexus {

// Throws Failure with PHX_UNSUPPORTED, for a plan that validate() has passed.
void check_gaps(const Plan& plan);

}  // namespace phynexus
