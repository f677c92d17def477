"""Regions of a dispatch list: dispatches that are run again with other memory.

A region has spaces of its own: the constants, its inputs, its outputs and its scratch.
A replay says where they lie among those of what is around it, in each of its
iterations: so a list is as long for a hundred iterations as for two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .dispatch import CONSTANTS, Address, Dispatch

Place = tuple[int, int]  # a space, and words from where it begins


class Spot(NamedTuple):
    """A place that moves by `stride` words an iteration."""

    space: int
    offset: int
    stride: int = 0

    def at(self, iteration: int) -> Place:
        return self.space, self.offset + iteration * self.stride


class Track(NamedTuple):
    """Where a region's space lies: `even` and `odd` count iterations from 0, `first`
    and `last` come before them."""

    even: Spot
    odd: Spot
    first: Spot | None = None
    last: Spot | None = None

    def at(self, iteration: int, count: int) -> Place:
        """
        >>> turns = Track(Spot(3, 0), Spot(4, 0), last=Spot(2, 8))
        >>> [turns.at(n, 4) for n in range(4)]
        [(3, 0), (4, 0), (3, 0), (2, 8)]
        """
        if iteration == 0 and self.first is not None:
            return self.first.at(0)
        if iteration == count - 1 and self.last is not None:
            return self.last.at(iteration)
        return (self.odd if iteration % 2 else self.even).at(iteration)


@dataclass(frozen=True)
class Replay:
    """A region, run `count` times in turn. `tracks`: one for each of its spaces but the
    constants, which are those of the list."""

    region: int
    count: int
    tracks: tuple[Track, ...]


Entry = Dispatch | Replay


@dataclass(frozen=True)
class Region:
    """Entries over `spaces` spaces."""

    spaces: int
    entries: tuple[Entry, ...]


def flat(
    entries: Sequence[Entry], regions: Sequence[Region], places: Sequence[Place]
) -> Iterator[Dispatch]:
    """Every dispatch, in order, on the spaces of the list; `places`: where those of the
    entries lie there."""
    for entry in entries:
        if isinstance(entry, Dispatch):
            yield _moved(entry, places)
            continue
        region = regions[entry.region]
        for n in range(entry.count):
            inner = [(CONSTANTS, 0)]
            for track in entry.tracks:
                space, offset = track.at(n, entry.count)
                outer, base = places[space]
                inner.append((outer, base + offset))
            yield from flat(region.entries, regions, inner)


def _moved(d: Dispatch, places: Sequence[Place]) -> Dispatch:
    row, addresses = list(d.row), []
    for word, space in d.addresses:
        outer, base = places[space]
        row[word] += base
        addresses.append(Address(word, outer))
    return replace(d, row=tuple(row), addresses=tuple(addresses))


def count(entries: Sequence[Entry], regions: Sequence[Region]) -> int:
    """How many dispatches the entries run."""
    of_region: list[int] = []
    for region in regions:
        of_region.append(_count(region.entries, of_region))
    return _count(entries, of_region)


def _count(entries: Sequence[Entry], of_region: Sequence[int]) -> int:
    return sum(
        e.count * of_region[e.region] if isinstance(e, Replay) else 1 for e in entries
    )
