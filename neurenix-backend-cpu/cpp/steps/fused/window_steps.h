// The maximum or minimum over windows, where neighbours can be done together; null where a general step must
// do it.
#pragma once

#include "../step.h"

namespace phynexus {

StepPointer lower_window_reduction(Lowering& lowering, const phx_instruction& instruction);

}  // namespace phynexus
