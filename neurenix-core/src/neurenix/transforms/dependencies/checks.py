"""What a repeated call of a compiled function looks at, to see that nothing which it
depends on has changed: identities, a few tens of nanoseconds each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import is_
from types import CellType, FunctionType
from typing import Any

import numpy as np

MISSING = object()


class Checks:
    """Where values were found, and what they were."""

    __slots__ = (
        "array_likes",
        "arrays",
        "buffers",
        "closures",
        "functions",
        "names",
        "object_arrays",
        "sequences",
        "sizes",
        "slots",
        "states",
    )

    def __init__(self) -> None:
        self.closures: list[tuple[CellType, Any]] = []
        self.names: list[tuple[Mapping[str, Any], str, Any]] = []
        self.sequences: list[tuple[Collection[Any], tuple[Any, ...]]] = []
        self.functions: list[tuple[FunctionType, Any, Any, Any]] = []
        self.sizes: list[tuple[dict[str, Any], int]] = []
        self.slots: list[tuple[Any, str, Any]] = []
        self.arrays: list[tuple[np.ndarray[Any, Any], bytes, Any, Any]] = []
        self.object_arrays: list[tuple[np.ndarray[Any, Any], tuple[Any, ...]]] = []
        self.states: list[tuple[Any, tuple[Any, ...]]] = []
        self.buffers: list[tuple[Any, bytes]] = []
        self.array_likes: list[tuple[Any, np.ndarray[Any, Any]]] = []

    def closure(self, cell: CellType, value: Any) -> None:
        self.closures.append((cell, value))

    def name(self, space: Mapping[str, Any], name: str, value: Any) -> None:
        """A global, or an attribute, under its name in a dict."""
        self.names.append((space, name, value))

    def sequence(self, live: Collection[Any], items: tuple[Any, ...]) -> None:
        """What a list, a set or a dict's view holds, in this order."""
        self.sequences.append((live, items))

    def function(self, f: FunctionType) -> None:
        self.functions.append((f, f.__code__, f.__defaults__, f.__kwdefaults__))

    def size(self, space: dict[str, Any]) -> None:
        """That no attribute is new."""
        self.sizes.append((space, len(space)))

    def slot(self, owner: Any, name: str, value: Any) -> None:
        self.slots.append((owner, name, value))

    def state(self, owner: Any, cells: tuple[Any, ...]) -> None:
        """What an object of a class that is not watched gives as its state."""
        self.states.append((owner, cells))

    def array(self, x: np.ndarray[Any, Any], content: bytes) -> None:
        self.arrays.append((x, content, x.shape, x.dtype))

    def objects(self, x: np.ndarray[Any, Any], items: tuple[Any, ...]) -> None:
        self.object_arrays.append((x, items))

    def bytes(self, x: Any, content: bytes) -> None:
        self.buffers.append((x, content))

    def array_like(self, x: Any, content: np.ndarray[Any, Any]) -> None:
        self.array_likes.append((x, content))

    def hold(self) -> bool:
        """Whether all is as it was."""
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
        for space, size in self.sizes:
            if len(space) != size:
                return False
        for owner, name, value in self.slots:
            if getattr(owner, name, MISSING) is not value:
                return False
        for x, content, shape, dtype in self.arrays:
            if x.tobytes() != content or x.shape != shape or x.dtype != dtype:
                return False
        for owner, cells in self.states:
            now = tuple(owner.state_cells().values())
            if len(now) != len(cells) or not all(map(is_, now, cells)):
                return False
        for x, items in self.object_arrays:
            if x.size != len(items) or not all(map(is_, x.ravel().tolist(), items)):
                return False
        for x, content in self.buffers:
            if bytes(x) != content:
                return False
        for x, content in self.array_likes:
            now = np.asarray(x)
            if now.dtype != content.dtype or now.tobytes() != content.tobytes():
                return False
        return True


def frozen(x: np.ndarray[Any, Any]) -> bool:
    """Whether nobody can write to an array's memory, by NumPy's account."""
    while isinstance(x, np.ndarray):
        if x.flags.writeable:
            return False
        x = x.base  # type: ignore[assignment]
    return x is None or isinstance(x, bytes)
