"""The work of a region before it has an order and addresses: kernels, and turns of
other regions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from neurenix.phynexus.plan.views import View

from .hazards import Use, use_of
from .kernel import Kernel
from .storage import element_bytes


class Spot(NamedTuple):
    """A view, whose first element moves by `stride` words an iteration."""

    view: View
    stride: int = 0


class Track(NamedTuple):
    """Where an operand of a region lies, as `replay.Track` says."""

    even: Spot
    odd: Spot
    first: Spot | None = None
    last: Spot | None = None

    @property
    def only(self) -> View:
        """The view, where there is one iteration."""
        return (self.first or self.last or self.even).view


@dataclass(frozen=True)
class Turn:
    """A region, `count` times in turn, and what these read and write together."""

    region: int
    count: int
    tracks: tuple[Track, ...]
    reads: tuple[View, ...]
    writes: tuple[View, ...]


Work = Kernel | Turn


def use(work: Work, state: int = 0) -> Use:
    return use_of(work.reads, work.writes, state)


def views_of(work: Work) -> Iterable[View]:
    return (*work.reads, *work.writes)


def fixed(view: View) -> Track:
    """An operand that stays where it is."""
    return Track(Spot(view), Spot(view))


def words_of(view: View, elements: int) -> int:
    """So many elements of a view, in words: a whole number of them (`whole_words`)."""
    nbytes = elements * element_bytes(view.dtype)
    assert nbytes % 4 == 0
    return nbytes // 4


def row_of(view: View, iteration: int) -> View:
    """What one iteration takes of a view with an axis of iterations."""
    offset = view.offset + iteration * view.strides[0]
    return replace(view, shape=view.shape[1:], strides=view.strides[1:], offset=offset)
