"""Whose turn it is to use a cell: threads that run compiled functions on one state, or
draw from one generator, take turns."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from typing import Any

from .cell import Cell

# By the id of a cell: the lock of all that share it.
_LOCKS: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_TABLE = threading.Lock()


class _All:
    """Several locks, taken in an order that is everywhere the same."""

    def __init__(self, locks: list[Any]) -> None:
        self.locks = sorted(locks, key=id)

    def __enter__(self) -> None:
        for lock in self.locks:
            lock.acquire()

    def __exit__(self, *_: object) -> None:
        for lock in reversed(self.locks):
            lock.release()


def lock_of(cells: Iterable[Cell]) -> Any:
    """What to hold while these cells are state: one lock, unless some of them were
    state of functions that shared none."""
    with _TABLE:
        ids = [id(c) for c in cells]
        known = [lock for i in ids if (lock := _LOCKS.get(i)) is not None]
        found = list(set(known)) or [threading.RLock()]
        for i in ids:
            _LOCKS.setdefault(i, found[0])
        return found[0] if len(found) == 1 else _All(found)


def turn_of(cell: Cell) -> Any:
    """What to hold while this cell is read and replaced in one go, compiled or not; the
    cell keeps it."""
    found = getattr(cell, "turn", None)
    if found is None:
        found = cell.turn = lock_of([cell])
    return found
