"""The dispatch list: what a WebGPU device runs for a program, as plain data.

Each dispatch runs one WGSL module over a number of workgroups. Its row holds 64 words
that the module reads through `arg(k)`: numbers, and addresses, which are word offsets
into the device's memory and known only when the run begins. Regions are dispatches that
run several times, on other memory each time (`replay`). A module's text declares no
memory and no bindings: whoever runs the list puts a head before it (`memory_text`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .dispatch import (
    CONSTANTS,
    FIRST_INPUT,
    MAX_GROUPS,
    ROW_WORDS,
    USABLE_WORDS,
    Address,
    Dispatch,
    Words,
    grid,
)
from .replay import Entry, Region, Replay, Spot, Track, count, flat

__all__ = [
    "CONSTANTS",
    "FIRST_INPUT",
    "MAX_GROUPS",
    "ROW_WORDS",
    "USABLE_WORDS",
    "Address",
    "Dispatch",
    "DispatchList",
    "Rows",
    "Words",
    "grid",
]

MOST_DISPATCHES = 1 << 20  # of a list, its regions replayed


@dataclass
class DispatchList:
    """A program for a WebGPU device. Sizes are in words of 32 bits.

    inputs, outputs   the size of each
    state             how many outputs replace the inputs of the same numbers, in place
    scratch           the pieces that a run needs beside them, each on one page
    constants         the words of all constants
    regions           each after those that it replays
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    state: int = 0
    modules: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    scratch: tuple[int, ...] = ()
    constants: Words = field(default_factory=lambda: np.zeros(0, np.uint32))
    regions: list[Region] = field(default_factory=list)

    @cached_property
    def dispatches(self) -> list[Dispatch]:
        """All of them in order, those of the regions on the spaces of the list."""
        places = [(space, 0) for space in range(self.spaces)]
        return list(flat(self.entries, self.regions, places))

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
        for number, region in enumerate(self.regions):
            self._validate(region.entries, region.spaces, number, f"region {number}, ")
        self._validate(self.entries, self.spaces, len(self.regions), "")
        if count(self.entries, self.regions) > MOST_DISPATCHES:
            raise ValueError(f"a list of more than {MOST_DISPATCHES} dispatches")
        for k, d in enumerate(self.dispatches):
            if not all(0 <= n < 1 << 32 for n in d.row):
                raise ValueError(f"dispatch {k}: a word is none of 32 bits")

    def _validate(
        self, entries: Sequence[Entry], spaces: int, regions: int, where: str
    ) -> None:
        """`regions`: how many there are already."""
        for k, entry in enumerate(entries):
            name = f"{where}entry {k}"
            if isinstance(entry, Replay):
                self._validate_replay(entry, spaces, regions, name)
            else:
                self._validate_dispatch(entry, spaces, name)

    def _validate_dispatch(self, d: Dispatch, spaces: int, name: str) -> None:
        if not 0 <= d.module < len(self.modules):
            raise ValueError(f"{name}: there is no module {d.module}")
        if len(d.groups) != 3 or not all(1 <= n <= MAX_GROUPS for n in d.groups):
            raise ValueError(f"{name}: {d.groups} workgroups")
        if len(d.row) > USABLE_WORDS:
            raise ValueError(f"{name}: a row of {len(d.row)} words")
        if not all(0 <= n < 1 << 32 for n in d.row):
            raise ValueError(f"{name}: a word is none of 32 bits")
        for a in d.addresses:
            if not (0 <= a.word < len(d.row) and 0 <= a.space < spaces):
                raise ValueError(f"{name}: {a} refers to nothing")

    def _validate_replay(self, r: Replay, spaces: int, regions: int, name: str) -> None:
        if not 0 <= r.region < regions:
            raise ValueError(f"{name}: there is no region {r.region} before it")
        if r.count < 1:
            raise ValueError(f"{name}: {r.count} iterations")
        if len(r.tracks) != self.regions[r.region].spaces - 1:
            raise ValueError(f"{name}: {len(r.tracks)} tracks for region {r.region}")
        for spot in (s for track in r.tracks for s in track if s is not None):
            if not 0 <= spot.space < spaces:
                raise ValueError(f"{name}: {spot} refers to nothing")

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, numbers and strings."""
        raw = self.constants.astype("<u4").tobytes()
        return {
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "state": self.state,
            "modules": list(self.modules),
            "entries": [_entry_to_json(e) for e in self.entries],
            "regions": [
                {
                    "spaces": region.spaces,
                    "entries": [_entry_to_json(e) for e in region.entries],
                }
                for region in self.regions
            ],
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
            [_entry_from_json(e) for e in data["entries"]],
            tuple(data["scratch"]),
            np.frombuffer(raw, "<u4").astype(np.uint32),
            [
                Region(r["spaces"], tuple(_entry_from_json(e) for e in r["entries"]))
                for r in data["regions"]
            ],
        )
        made.validate()
        return made


def _entry_to_json(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Replay):
        tracks = [[None if s is None else list(s) for s in t] for t in entry.tracks]
        return {"region": entry.region, "count": entry.count, "tracks": tracks}
    return {
        "module": entry.module,
        "groups": list(entry.groups),
        "row": list(entry.row),
        "addresses": [list(a) for a in entry.addresses],
        "source": entry.source,
    }


def _entry_from_json(data: dict[str, Any]) -> Entry:
    if "region" in data:
        tracks = [Track(*(s and Spot(*s) for s in t)) for t in data["tracks"]]
        return Replay(data["region"], data["count"], tuple(tracks))
    addresses = tuple(Address(*a) for a in data["addresses"])
    groups, row = tuple(data["groups"]), tuple(data["row"])
    return Dispatch(data["module"], groups, row, addresses, data["source"])


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
