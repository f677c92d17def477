// The device's code of this room.
#pragma once

#include "cholesky.h"
#include "lu.h"
#include "triangular_solve.h"
