"""The checks of a repeated call: that nothing on which the compiled function depends
has changed. Each compares identities, in a few tens of nanoseconds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from functools import partial
from operator import is_
from types import CellType, FunctionType
from typing import Any

import numpy as np

MISSING = object()
Array = np.ndarray[Any, Any]


class Checks:
    """The places where the values were read, and the values."""

    __slots__ = ("closures", "functions", "names", "others", "sequences")

    def __init__(self) -> None:
        self.closures: list[tuple[CellType, Any]] = []
        self.names: list[tuple[Mapping[str, Any], str, Any]] = []
        self.sequences: list[tuple[Collection[Any], tuple[Any, ...]]] = []
        self.functions: list[tuple[FunctionType, Any, Any, Any]] = []
        self.others: list[Callable[[], bool]] = []

    def closure(self, cell: CellType, value: Any) -> None:
        self.closures.append((cell, value))

    def name(self, space: Mapping[str, Any], name: str, value: Any) -> None:
        """Checks a global, or an attribute, by its name in a dict."""
        self.names.append((space, name, value))

    def sequence(self, live: Collection[Any], items: tuple[Any, ...]) -> None:
        """Checks that a list, a set or the view of a dict holds these items, in this
        order."""
        self.sequences.append((live, items))

    def function(self, f: FunctionType) -> None:
        self.functions.append((f, f.__code__, f.__defaults__, f.__kwdefaults__))

    def size(self, space: dict[str, Any]) -> None:
        """Checks that the object has no new attribute."""
        self.others.append(partial(_has_size, space, len(space)))

    def slot(self, owner: Any, name: str, value: Any) -> None:
        self.others.append(partial(_has_slot, owner, name, value))

    def state(self, owner: Any, cells: tuple[Any, ...]) -> None:
        """Checks that an object of a class that is not watched has the same cells as
        its state."""
        self.others.append(partial(_has_state, owner, cells))

    def context(self, variable: ContextVar[Any], value: Any) -> None:
        self.others.append(lambda: variable.get(MISSING) is value)

    def array(self, x: Array, content: bytes) -> None:
        self.others.append(partial(_has_content, x, content, x.shape, x.dtype))

    def array_like(self, x: Any, found: Array) -> None:
        """Checks the content of an array of another library."""
        content = found.tobytes(), found.shape, found.dtype
        self.others.append(lambda: _has_content(np.asarray(x), *content))

    def objects(self, x: Array, items: tuple[Any, ...]) -> None:
        self.others.append(lambda: _are(x.ravel().tolist(), items))

    def bytes(self, x: Any, content: bytes) -> None:
        self.others.append(lambda: bytes(x) == content)

    def hold(self) -> bool:
        """Whether no check sees a change."""
        try:
            for cell, value in self.closures:
                if cell.cell_contents is not value:
                    return False
        except ValueError:  # one that is not bound
            return False
        for space, name, value in self.names:
            if space.get(name, MISSING) is not value:
                return False
        for live, items in self.sequences:
            if len(live) != len(items) or not all(map(is_, live, items)):
                return False
        for f, code, defaults, keywords in self.functions:
            if (
                f.__code__ is not code
                or f.__defaults__ is not defaults
                or f.__kwdefaults__ is not keywords
            ):
                return False
        for holds in self.others:  # noqa: SIM110  a generator costs more
            if not holds():
                return False
        return True


def _are(live: Collection[Any], items: tuple[Any, ...]) -> bool:
    return len(live) == len(items) and all(map(is_, live, items))


def _has_size(space: dict[str, Any], size: int) -> bool:
    return len(space) == size


def _has_slot(owner: Any, name: str, value: Any) -> bool:
    return getattr(owner, name, MISSING) is value


def _has_state(owner: Any, cells: tuple[Any, ...]) -> bool:
    return _are(tuple(owner.state_cells().values()), cells)


def _has_content(x: Array, content: bytes, shape: Any, dtype: Any) -> bool:
    return x.tobytes() == content and x.shape == shape and bool(x.dtype == dtype)


def frozen(x: Array) -> bool:
    """Whether nobody can write to the memory of an array, as NumPy says."""
    memory: Any = x
    while isinstance(memory, np.ndarray):
        if memory.flags.writeable:
            return False
        memory = memory.base
    return memory is None or isinstance(memory, bytes)
