"""The head: whether the process that knows the cluster is still there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from neurenix.errors import HeadLostError

# Seconds between two questions.
_EVERY = 1.0
# Seconds that an answer may take.
_ANSWER = 2.0


class Head:
    """Watches the head of a cluster.

    address   host and port
    grace     seconds of silence until it counts as lost
    """

    # Ray ends a process whose head is gone for 60 s. A head that is replaced in time,
    # as with a store that outlives it, is none that is lost.
    grace = 30.0

    def __init__(
        self, address: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.address = address
        self.clock = clock
        self._next = clock()
        self._silent_since: float | None = None

    def check(self) -> None:
        """Raises HeadLostError once it has not answered for so long. Steps go on in the
        meantime: workers do not need it."""
        now = self.clock()
        if now < self._next:
            return
        self._next = now + _EVERY
        if self.answers():
            self._silent_since = None
            return
        if self._silent_since is None:
            self._silent_since = now
        silent = now - self._silent_since
        if silent >= self.grace:
            raise HeadLostError(
                f"the head of the Ray cluster, {self.address}, has not answered for "
                f"{silent:.0f} s. Learner and optimizer are as after the last step. "
                "With a cluster that runs, call meta_learn again: given checkpoint=, "
                "it goes on with the same bits"
            )

    @property
    def is_silent(self) -> bool:
        """Whether it did not answer when it was asked last."""
        return self._silent_since is not None

    def answers(self) -> bool:
        """Whether something takes connections there."""
        host, _, port = self.address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), _ANSWER):
                return True
        except OSError:
            return False
