"""Stand-ins: tensors that a thread puts in the place of cells for a while, so that it
sees other values than they hold, and writes none to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from ..program import Symbol
from ..tape import Leaf
from ..tensor import Tensor

C = TypeVar("C", bound=Tensor)


class _Local(threading.local):
    """This thread's stand-ins by the ids of their cells, the innermost last."""

    def __init__(self) -> None:
        self.of: dict[int, list[Tensor]] = {}


_local = _Local()


class Substitute(Tensor):
    """A stand-in that holds whatever is assigned, with its place on the tape."""

    __slots__ = ()


class CallState(Tensor):
    """A stand-in for state of a compiled function that runs as ordinary Python."""

    __slots__ = ()


def stand_in(cell: Tensor) -> Tensor | None:
    """The tensor that this thread has put in the cell's place, the innermost; None if
    there is none."""
    of = _local.of
    if of:  # seldom
        found = of.get(id(cell))
        if found is not None:
            return found[-1]
    return None


def first_replaced(cells: Iterable[C]) -> C | None:
    """The first of the cells that has a stand-in in this thread."""
    of = _local.of
    return next((c for c in cells if id(c) in of), None) if of else None


def substitute(cell: Tensor, value: Tensor) -> None:
    """Gives the cell's innermost stand-in another value."""
    _local.of[id(cell)][-1] = _substitute(value)


def _substitute(x: Tensor) -> Substitute:
    return Substitute(x.data, x.type, x.device, x.node, x.index)


@contextmanager
def _in_place(cells: Sequence[Tensor], values: Sequence[Tensor]) -> Iterator[None]:
    of = _local.of
    for c, v in zip(cells, values, strict=True):
        of.setdefault(id(c), []).append(v)
    try:
        yield
    finally:
        for c in cells:
            of[id(c)].pop()
            if not of[id(c)]:
                del of[id(c)]


def substituted(
    cells: Sequence[Tensor], values: Sequence[Tensor]
) -> AbstractContextManager[None]:
    """Within it, and in this thread only, the cells hold these values, each of its
    cell's type (and what is assigned, with its place on the tape). Nothing is written.
    """
    return _in_place(cells, [_substitute(v.value()) for v in values])


def captured(
    cells: Sequence[Tensor], symbols: Sequence[Symbol]
) -> AbstractContextManager[None]:
    """Within it, and in this thread only, the cells are these symbols of a program,
    which logs what is assigned. Nothing is written."""
    leaves: list[Leaf[Tensor] | None]
    leaves = [Leaf() if c.node is not None else None for c in cells]
    return _in_place(
        cells,
        [
            Tensor(s, c.type, c.device, leaf)
            for c, s, leaf in zip(cells, symbols, leaves, strict=True)
        ],
    )


@contextmanager
def as_call_state(cells: Sequence[Tensor]) -> Iterator[Callable[[], dict[int, Tensor]]]:
    """Within it, and in this thread only, the cells are state of a call: what is
    assigned stays in here. Yields a function that gives the new values, by the ids of
    the cells that got some."""
    before = [c.value() for c in cells]
    values = [
        CallState(v.data, v.type, v.device, Leaf() if c.node is not None else None)
        for c, v in zip(cells, before, strict=True)
    ]

    def written() -> dict[int, Tensor]:
        return {
            id(c): Tensor(v.data, v.type, v.device)
            for c, v, old in zip(cells, values, before, strict=True)
            if v.data is not old.data
        }

    with _in_place(cells, values):
        yield written
