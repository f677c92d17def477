"""Notes that attributes of modules and optimizers are set, so that a compiled call sees
at a glance that none has changed since the last one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

SCALARS = (bool, int, float, str, type(None))


class Version:
    """`now` is another object after each change that is noted: who kept one sees by
    `is` whether there were changes since. (A number would need a lock: a thread that
    adds to it late could bring back one that was seen.)"""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now: object = object()

    def note(self) -> None:
        """Say that something has changed: after the change, so that who looks in
        between looks again."""
        self.now = object()


# The version of all attributes of modules, optimizers and generators.
changes = Version()


class _Here(threading.local):
    """The settings of this thread alone: another object after each."""

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
    """Setting an attribute, or deleting one, is noted as a change."""

    # attributes of the library's own on which no program depends
    unwatched: ClassVar[frozenset[str]] = frozenset()

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        changes.note()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        changes.note()


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
