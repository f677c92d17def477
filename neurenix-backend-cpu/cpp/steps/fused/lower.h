// Steps for chains that need no blocks: over no elements, or the largest of windows.
#pragma once

#include "chain.h"
#include "../step.h"

namespace phynexus::fused {

// What reductions over nothing give, and nothing else.
StepPointer lower_without_elements(Lowering& lowering, const phx_instruction& instruction,
                                   const Chain& chain);
// The maximum or minimum over windows, where neighbours can be done together; null where a general step must do it.
StepPointer lower_window(Lowering& lowering, const phx_instruction& instruction, const Chain& chain);

}  // namespace phynexus::fused
