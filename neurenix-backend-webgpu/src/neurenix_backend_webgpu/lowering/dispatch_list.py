"""The dispatch list: what a WebGPU device runs for a program, as plain data.

Each dispatch runs one WGSL module over a number of workgroups. Its row holds 64 words
that the module reads through `arg(k)`: numbers, and addresses, which are word offsets
into the device's memory and known only when the run begins. A module's text declares no
memory and no bindings: whoever runs the list puts a head before it (`memory_text`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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


@dataclass
class DispatchList:
    """A program for a WebGPU device. Sizes are in words of 32 bits.

    inputs, outputs   the size of each
    state             how many outputs replace the inputs of the same numbers, in place
    scratch           the pieces that a run needs beside them, each on one page
    constants         the words of all constants
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    state: int = 0
    modules: list[str] = field(default_factory=list)
    dispatches: list[Dispatch] = field(default_factory=list)
    scratch: tuple[int, ...] = ()
    constants: Words = field(default_factory=lambda: np.zeros(0, np.uint32))

    @property
    def first_output(self) -> int:
        """The space of the first output."""
        return FIRST_INPUT + len(self.inputs)

    @property
    def first_scratch(self) -> int:
        """The space of the first piece of scratch."""
        return self.first_output + len(self.outputs)

    @property
    def spaces(self) -> int:
        return self.first_scratch + len(self.scratch)

    def validate(self) -> None:
        """Raises ValueError where a number refers to nothing, or is out of range."""
        for k, d in enumerate(self.dispatches):
            if not 0 <= d.module < len(self.modules):
                raise ValueError(f"dispatch {k}: there is no module {d.module}")
            if len(d.groups) != 3 or not all(1 <= n <= MAX_GROUPS for n in d.groups):
                raise ValueError(f"dispatch {k}: {d.groups} workgroups")
            if len(d.row) > USABLE_WORDS:
                raise ValueError(f"dispatch {k}: a row of {len(d.row)} words")
            if not all(0 <= n < 1 << 32 for n in d.row):
                raise ValueError(f"dispatch {k}: a word is none of 32 bits")
            for a in d.addresses:
                if not (0 <= a.word < len(d.row) and 0 <= a.space < self.spaces):
                    raise ValueError(f"dispatch {k}: {a} refers to nothing")

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, numbers and strings."""
        raw = self.constants.astype("<u4").tobytes()
        return {
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "state": self.state,
            "modules": list(self.modules),
            "dispatches": [
                [d.module, list(d.groups), list(d.row), [list(a) for a in d.addresses]]
                for d in self.dispatches
            ],
            "sources": [d.source for d in self.dispatches],
            "scratch": list(self.scratch),
            "constants": base64.b64encode(raw).decode("ascii"),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> DispatchList:
        """The list again. Raises ValueError for one that is wrong."""
        raw = base64.b64decode(data["constants"], validate=True)
        made = DispatchList(
            tuple(data["inputs"]),
            tuple(data["outputs"]),
            data["state"],
            list(data["modules"]),
            [
                Dispatch(
                    module,
                    tuple(groups),
                    tuple(row),
                    tuple(Address(*a) for a in addresses),
                    source,
                )
                for (module, groups, row, addresses), source in zip(
                    data["dispatches"], data["sources"], strict=True
                )
            ],
            tuple(data["scratch"]),
            np.frombuffer(raw, "<u4").astype(np.uint32),
        )
        made.validate()
        return made


def grid(invocations: int, group: int) -> tuple[int, int, int]:
    """Workgroups of `group` invocations, in two axes where one would be too long."""
    groups = -(-max(invocations, 1) // group)
    if groups <= MAX_GROUPS:
        return groups, 1, 1
    wide = 1 << 14
    return wide, -(-groups // wide), 1


class Rows:
    """The rows of dispatches as one array, whose addresses are filled in at once."""

    def __init__(self, dispatches: Sequence[Dispatch]) -> None:
        self.template = np.zeros((len(dispatches), ROW_WORDS), np.uint32)
        at: list[int] = []
        spaces: list[int] = []
        for k, d in enumerate(dispatches):
            self.template[k, : len(d.row)] = d.row
            for a in d.addresses:
                at.append(k * ROW_WORDS + a.word)
                spaces.append(a.space)
        self.at = np.array(at, np.intp)
        self.spaces = np.array(spaces, np.intp)
        self.offsets = self.template.reshape(-1)[self.at]
        self.rows = self.template.copy()

    def filled(self, bases: Words) -> Words:
        """The rows for spaces that begin at these words; the same array each time."""
        self.rows.reshape(-1)[self.at] = self.offsets + bases[self.spaces]
        return self.rows
