"""Keys that are equal for one and the same object alone."""

from __future__ import annotations

import weakref
from typing import Any


class Same:
    """Of an object, which it keeps alive: no other gets its id."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return type(other) is Same and self.value is other.value


class SameTensor:
    """Of a tensor, whose memory it does not keep."""

    __slots__ = ("number", "ref")

    def __init__(self, value: Any) -> None:
        self.ref = weakref.ref(value)
        self.number = id(value)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        if type(other) is not SameTensor:
            return False
        mine = self.ref()
        return mine is not None and mine is other.ref()
