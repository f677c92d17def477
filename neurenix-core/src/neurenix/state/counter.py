"""Counter: a cell that counts, and whose value the host knows without asking."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import dispatch
from ..attributes import Version, changes
from ..backends.leaving import leaving
from ..errors import BackendError, InvalidArgumentError
from ..tensor import Tensor, tensor
from ..user_lines import user_level
from .cell import Cell
from .stand_ins import stand_in

_left = Version()  # another one when a device may have been lost


def _leave() -> None:
    _left.note()
    changes.note()  # programs look at their state anew


leaving.append(_leave)


class Counter(Cell):
    """A uint32 that begins at `count`. Each program that has it as state counts one up,
    and each tensor that is assigned is its value and one more.

    The device has the count. The host adds up what it has asked for, without waiting:
    that is where the count goes on when its device was lost.

    asked   the count after all that was asked for
    exact   whether the count is that; else it may be less: a guarded step that was not
            finite does not count, nor may one that failed
    """

    __slots__ = ("_since", "asked", "exact")
    asked: int
    exact: bool
    _since: object

    def __init__(self, count: int, name: str = "") -> None:
        with dispatch.outside_captures():
            value = tensor(np.asarray(count & 0xFFFFFFFF, np.uint32))
            super().__init__(value, name=name)
        self._know(count)

    def _know(self, count: int) -> None:
        self.asked, self.exact, self._since = count, True, _left.now

    @property
    def is_sure(self) -> bool:
        """Whether its device has not been left or lost since somebody looked."""
        return self._since is _left.now

    def assign(self, value: Any) -> None:
        super().assign(value)
        if dispatch.recorder() is not None or stand_in(self) is not None:
            return
        if isinstance(value, Tensor):
            self.asked += 1
        else:
            self._know(int(value))

    def count(self) -> int:
        """The count as its device has it; it waits.

        Raises InvalidArgumentError where its device was lost, BackendError where that
        is found now."""
        now = _left.now
        with dispatch.outside_captures():
            self._know(int(self.item()))
        self._since = now
        return self.asked

    def count_anyway(self) -> int:
        """The count; where its device was lost, all that was asked for."""
        try:
            return self.count()
        except (InvalidArgumentError, BackendError):
            self._say_where()
            return self.asked

    def make_sure(self) -> None:
        """Puts the count on its device again, where that was lost.

        Raises BackendError where the loss is found now."""
        try:
            self.count()
        except InvalidArgumentError:
            self._say_where()
            with dispatch.outside_captures():
                self.assign(np.asarray(self.asked & 0xFFFFFFFF, np.uint32))

    def _say_where(self) -> None:
        if not self.exact:
            warnings.warn(
                f"{self.name or 'a counter'} was lost with {self.device}, where "
                f"guarded or failed steps may have left it below {self.asked}, the "
                "last that was asked for: it goes on from there. To go on where a "
                "checkpoint was, load that",
                RuntimeWarning,
                stacklevel=user_level(),
            )

    def __deepcopy__(self, memo: Any) -> Counter:
        copy: Counter = super().__deepcopy__(memo)
        copy.asked, copy.exact, copy._since = self.asked, self.exact, self._since
        return copy

    def __reduce__(self) -> Any:
        return Counter, (self.count_anyway(), self.name)
