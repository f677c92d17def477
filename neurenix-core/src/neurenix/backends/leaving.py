"""What gives up what it keeps on devices: after nx.init, and after each failure of a
device, which may have been lost."""

from __future__ import annotations

from collections.abc import Callable

# Each is called without arguments, in any thread; what it gave up is made again.
leaving: list[Callable[[], None]] = []


def leave() -> None:
    """Has all of them give up what they keep on devices."""
    for give_up in leaving:
        give_up()
