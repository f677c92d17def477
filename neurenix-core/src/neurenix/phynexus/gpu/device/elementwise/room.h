// The device's code of this room.
#pragma once

#include "fused.h"
#include "params.h"
#include "transpose.h"
