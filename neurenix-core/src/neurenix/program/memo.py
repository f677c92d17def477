"""The memo of a program: what is derived from it, once, and kept as long as it lives.

Nothing in here is part of what a program means: without it all would be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar


class Memo(Protocol):
    @property
    def memo(self) -> dict[Hashable, Any]: ...


_NOTHING = object()
Owner = TypeVar("Owner", bound=Memo)
Derived = TypeVar("Derived")


def derived(owner: Owner, key: Hashable, make: Callable[[Owner], Derived]) -> Derived:
    """make(owner), or what it gave when the key was first asked for. A key starts with
    a text that says what it is for, or is one.

    >>> import neurenix as nx
    >>> program = nx.capture(lambda x: x * 2, nx.zeros(3))
    >>> derived(program, "count", lambda p: len(p.instructions))
    2
    >>> derived(program, "count", lambda p: 0 / 0)
    2
    """
    found = owner.memo.get(key, _NOTHING)
    if found is _NOTHING:
        found = owner.memo[key] = make(owner)
    return found
