// The device's code of this room.
#pragma once

#include "direct.h"
#include "lanes.h"
#include "product_tiles.h"
#include "sum.h"
#include "tensor_tile.h"
