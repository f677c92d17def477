"""Numbers the dependencies of a function beside its arguments: the number stays the
same only as long as no program could tell the difference."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from ...attributes import Watched, changes, here
from ..cell import Cell
from .checks import Checks
from .consumed import taking_nothing
from .rules import rule_of
from .user_code import Names, top_of
from .walk import Path, Walk


class Numbers:
    """A number for each key, never the same twice; those seen last are remembered."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.known: OrderedDict[Any, int] = OrderedDict()
        self._next = count()
        self._lock = threading.Lock()

    def of(self, key: Any) -> int:
        with self._lock:  # else two threads could number one key twice
            number = self.known.get(key)
            if number is None:
                number = self.known[key] = next(self._next)
                if len(self.known) > self.bound:
                    self.known.popitem(last=False)
            return number


class _Seen(threading.local):
    """The result of this thread's last call (others may be in other contexts): the
    version of all attributes, its own settings, whether all else was unchanged, and the
    number."""

    def __init__(self) -> None:
        self.last: tuple[object, object, Callable[[], bool], int]
        self.last = None, None, Checks().hold, 0


class Dependencies:
    """The dependencies of a function and its state objects.

    A call compares the version of all attributes of modules, optimizers and generators,
    and looks at the values that it cannot see: closures, globals, lists, dicts, arrays.
    Only where something differs is all walked through.
    """

    def __init__(
        self, owner: str, f: Any, state: Sequence[Any], numbers: Numbers
    ) -> None:
        self.owner = owner
        self.f = f
        self.state = state
        self.numbers = numbers
        self.names = Names()
        modules = [getattr(f, "__module__", None), *(type(s).__module__ for s in state)]
        self.home: set[Any] = set(map(top_of, modules))
        self._seen = _Seen()
        self._consumed: list[tuple[Any, Path]] = []

    def number(self) -> int:
        seen, setting, holds, number = self._seen.last
        now, set_now = changes.now, here.setting
        if seen is not now or setting is not set_now or not holds():
            key, checks = self._walked()
            number = self.numbers.of(key)
            self._seen.last = now, set_now, checks.hold, number
        return number

    def taking_nothing(self) -> AbstractContextManager[None]:
        """For a capture: raises CaptureError, naming it, where f takes a number from a
        generator of the host or an item from an iterator."""
        return taking_nothing(self.owner, self._consumed)

    def _walked(self) -> tuple[Any, Checks]:
        while True:  # until the walk meets no code that reads more
            walk = Walk(self.owner, self.names, self.home, rule_of)
            key = [walk.visit(self.f, (None, self.owner))]
            for i, s in enumerate(self.state):
                path = (None, f"state[{i}]")
                key.append(walk.visit(s, path))
                if not isinstance(s, (Cell, Watched)):
                    cells = s.state_cells()
                    walk.checks.state(s, tuple(cells.values()))
                    key.append(walk.visit(cells, path))
            if not walk.grew:
                self._consumed = walk.consumed
                return tuple(key), walk.checks
