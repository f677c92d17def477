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
# What begins a connection of HTTP/2, on which gRPC is built, and settings of length 0
# (RFC 9113, 3.4): the other side answers with its own. A process that is stopped, or
# hangs, answers nothing, though its machine takes connections for it.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


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

    def answers(self) -> bool:
        """Whether something takes connections there, and answers in time, if only by
        ending one: with TLS it expects another greeting."""
        host, _, port = self.address.rpartition(":")
        where = host.strip("[]"), int(port)
        try:
            with socket.create_connection(where, _ANSWER) as connection:
                return _greeted(connection)
        except OSError:
            return False


def _greeted(connection: socket.socket) -> bool:
    connection.sendall(_GREETING)
    try:
        connection.recv(1)
    except TimeoutError:
        return False
    except ConnectionError:  # ended at once
        return True
    return True
