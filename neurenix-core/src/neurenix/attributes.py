"""Counts the attributes that are set on modules and optimizers, so that a compiled call
sees at a glance that none has changed since the last one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

changes = [0]
SCALARS = (bool, int, float, str, type(None))


class _Here(threading.local):
    """What this thread alone has set for a while: another object each time."""

    setting: object = None


here = _Here()


@contextmanager
def set_here() -> Iterator[None]:
    """Around what a thread sets for itself and a program may depend on, such as a mode:
    a compiled call looks at its state anew, and no other thread's call does."""
    before, here.setting = here.setting, object()
    try:
        yield
    finally:
        here.setting = before


class Watched:
    """Setting an attribute, or deleting one, counts as a change."""

    # attributes of the library's own on which no program depends
    unwatched: ClassVar[frozenset[str]] = frozenset()

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        changes[0] += 1  # once it is there: who looks in between looks again

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        changes[0] += 1


def static_key(value: Any) -> Any:
    """Equal for two scalars, or tuples of them, only if no program can tell them apart:
    1 and 1.0 differ, 0.0 and -0.0 do, and NaN is NaN."""
    if isinstance(value, tuple):
        return tuple, tuple([static_key(v) for v in value])
    plain = value and value == value and type(value) is not complex
    return type(value), value if plain else repr(value)


def scalars(obj: Any) -> tuple[Any, ...]:
    """The public attributes that are numbers, strings or tuples of them, sorted."""
    found = []
    for name, value in sorted(vars(obj).items()):
        if not name.startswith("_") and (
            isinstance(value, SCALARS)
            or (isinstance(value, tuple) and all(isinstance(v, SCALARS) for v in value))
        ):
            found.append((name, value))
    return tuple(found)
