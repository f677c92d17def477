// The device's code of this room.
#pragma once

#include "cholesky.h"
#include "lu.h"
#include "lu_panel.h"
#include "move_matrix.h"
#include "triangular_solve.h"
