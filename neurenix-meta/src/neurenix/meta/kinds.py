"""What the inputs and targets of a learner are: decided once, for all calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from neurenix.errors import InvalidArgumentError

if TYPE_CHECKING:
    from .learner import MetaLearner

INPUTS = ("pixels", "tokens", "values")
TARGETS = ("classes", "values")
_DECIDING = threading.Lock()


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
    """Those that a learner is made with; InvalidArgumentError for others than there
    are."""
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


def _never() -> bool:
    return False


@contextmanager
def using(
    learner: MetaLearner, kinds: Kinds, kept: Callable[[], bool] = _never
) -> Iterator[None]:
    """A use of a learner with tasks of these kinds, which are its own from now on. If
    the use fails they are what they were before, unless `kept()`.

    Raises InvalidArgumentError where another thread has decided otherwise meanwhile.
    """
    before, after = _join(learner, kinds)
    try:
        yield
    except BaseException:
        with _DECIDING:
            if learner._kinds == after and after != before and not kept():
                learner._kinds = before
        raise
    _join(learner, kinds)  # where another thread's use failed, and took them back


def _join(learner: MetaLearner, kinds: Kinds) -> tuple[Kinds, Kinds]:
    with _DECIDING:
        before = learner._kinds
        after = before.joined(kinds, "these tasks")
        if after != before:
            learner._kinds = after
        return before, after
