// The device's code of this room.
#pragma once

#include "../group.h"
#include "params.h"
