// The device's code of this room.
#pragma once

#include "cumsum.h"
#include "gather.h"
#include "random_bits.h"
#include "scatter.h"
#include "sort.h"
