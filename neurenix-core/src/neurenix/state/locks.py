"""Locks of cells: threads that run compiled functions on one state, or draw from one
generator, take turns."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from .cell import Cell

Lock = AbstractContextManager[Any]
_CHOOSING = threading.Lock()


class _All:
    """Several locks, taken in an order that is everywhere the same."""

    def __init__(self, locks: Sequence[Lock]) -> None:
        self.locks = sorted(locks, key=id)
        self._held: list[ExitStack] = []  # who has all locks changes it

    def __enter__(self) -> None:
        with ExitStack() as stack:
            for lock in self.locks:
                stack.enter_context(lock)
            self._held.append(stack.pop_all())

    def __exit__(self, *_: object) -> None:
        self._held.pop().close()


def lock_of(cells: Iterable[Cell]) -> Lock:
    """The lock to hold while these cells are state: one lock, unless some of them were
    state of functions that shared none. Each cell keeps its own."""
    with _CHOOSING:
        cells = list(cells)
        known = {id(c.lock): c.lock for c in cells if c.lock is not None}
        found: list[Lock] = list(known.values()) or [threading.RLock()]
        for c in cells:
            if c.lock is None:
                c.lock = found[0]
        return found[0] if len(found) == 1 else _All(found)


def lock_of_one(cell: Cell) -> Lock:
    """The lock to hold while this cell is read and replaced in one go, compiled or
    not."""
    return cell.lock or lock_of([cell])
