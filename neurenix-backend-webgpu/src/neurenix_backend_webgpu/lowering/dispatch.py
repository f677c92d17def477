"""One dispatch: a module, its workgroups, and the row of words that it reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurenix.program.describe import Description

ROW_WORDS = 64  # the least that WebGPU lets a dynamic offset step by is 256 bytes
USABLE_WORDS = ROW_WORDS - 2  # the last two are 0, and no compiler knows that
MAX_GROUPS = 65535  # along each axis of a dispatch

Words = NDArray[np.uint32]

# What an address is an offset into: the constants, each input, each output, then each
# piece of scratch.
CONSTANTS, FIRST_INPUT = range(2)


class Address(NamedTuple):
    """Word `word` of the row is this many words plus where the space lies."""

    word: int
    space: int


@dataclass(frozen=True)
class Dispatch:
    """One run of a module.

    module      its number in the list
    groups      the numbers of workgroups
    row         the first words of the row; the others are 0
    addresses   which of them are offsets into a space
    source      the line of the user's program that it computes, where one is known
    description what it computes, for profiles; it is no part of the JSON form
    """

    module: int
    groups: tuple[int, int, int]
    row: tuple[int, ...]
    addresses: tuple[Address, ...]
    source: str | None = None
    description: Description | None = field(default=None, compare=False)


def grid(invocations: int, group: int) -> tuple[int, int, int]:
    """Workgroups of `group` invocations, in two axes where one would be too long."""
    groups = -(-max(invocations, 1) // group)
    if groups <= MAX_GROUPS:
        return groups, 1, 1
    wide = 1 << 14
    return wide, -(-groups // wide), 1
