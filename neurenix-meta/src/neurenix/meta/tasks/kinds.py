"""Kinds of inputs and targets: a learner decides them once, for all calls."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from neurenix.errors import InvalidArgumentError

INPUTS = ("pixels", "tokens", "values")
TARGETS = ("classes", "values")


class Kinds(NamedTuple):
    """How a learner reads tasks; None: no task has said it yet.

    inputs    what whole numbers among inputs are: "pixels", from 0 to 255, which the
              network gets divided by 255; "tokens", which it gets as the int32 that
              they are; or "values", which it gets as floats. Floats are always values
    targets   "classes" (whole numbers [n], or one-hot rows) or "values"
    """

    inputs: str | None = None
    targets: str | None = None

    def joined(self, other: Kinds, whose: str) -> Kinds:
        """What both say; InvalidArgumentError, with both, where they differ."""
        for name, one, two in zip(self._fields, self, other):
            if None not in (one, two) and one != two:
                raise InvalidArgumentError(
                    f"this learner's {name} are {one!r}, and those of {whose} {two!r}; "
                    f"they are decided at its first use, or by {name}=... when it is "
                    "made: give what it has learned from, or make another learner"
                )
        return Kinds(self.inputs or other.inputs, self.targets or other.targets)


def given(method: str, inputs: str | None, targets: str | None = None) -> Kinds:
    """The kinds that a learner is made with; InvalidArgumentError for unknown ones."""
    for name, value, allowed in (
        ("inputs", inputs, INPUTS),
        ("targets", targets, TARGETS),
    ):
        if value is not None and value not in allowed:
            raise InvalidArgumentError(
                f"{method}: {name}={value!r}; expected None (as its first use says) or "
                f"one of {', '.join(map(repr, allowed))}"
            )
    return Kinds(inputs, targets)


class Decides(Protocol):
    """Who decides by its first use how it reads tasks: a learner."""

    _kinds: Kinds


def _never() -> bool:
    return False


@dataclass
class _Uses:
    """The uses of a learner that are under way, and the kinds that stay after them."""

    kept: Kinds
    under_way: list[Kinds] = field(default_factory=list)


_USES: weakref.WeakKeyDictionary[Any, _Uses] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


@contextmanager
def using(
    learner: Decides, kinds: Kinds, keep: Callable[[], bool] = _never
) -> Iterator[None]:
    """Uses a learner with tasks of these kinds. They hold within, and stay afterwards
    if the use succeeds, or if `keep()` says so.

    Raises InvalidArgumentError where another thread has decided otherwise meanwhile.
    """
    with _LOCK:
        now = learner._kinds.joined(kinds, "these tasks")
        uses = _USES.setdefault(learner, _Uses(learner._kinds))
        uses.under_way.append(kinds)
        _hold(learner, now)
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        with _LOCK:
            uses.under_way.remove(kinds)
            if succeeded or keep():
                uses.kept = uses.kept.joined(kinds, "these tasks")
            now = uses.kept
            for other in uses.under_way:  # of other threads
                now = now.joined(other, "these tasks")
            _hold(learner, now)
            if not uses.under_way:
                del _USES[learner]


def _hold(learner: Decides, kinds: Kinds) -> None:
    if learner._kinds != kinds:
        learner._kinds = kinds
