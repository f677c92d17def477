// Which code of the interpreter an operation, a load or a store is.
#pragma once

#include "chain.h"

namespace phynexus::gpu {

// `from`: the dtype of the first operand (of where: of the second).
Code code_of_operation(const Chain::Operation& operation, int32_t from);
Finish finish_of(int32_t dtype);
int load_code(int32_t storage);
int store_code(int32_t storage);

// A reduction as an operation of what there is so far and what comes, and what it begins with, as bits.
int accumulate_code(int32_t reduction, int32_t dtype);
int64_t identity(int32_t reduction, int32_t dtype);

}  // namespace phynexus::gpu
