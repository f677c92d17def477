"""Whether an evaluation lets a query see the others, for one thread and a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Local(threading.local):
    apart: bool = False


_local = _Local()


def are_apart() -> bool:
    """Whether each query is to be by itself, with the support set."""
    return _local.apart


@contextmanager
def apart(each: bool) -> Iterator[None]:
    """Within it, and in this thread only, `are_apart` says so."""
    before, _local.apart = _local.apart, each
    try:
        yield
    finally:
        _local.apart = before
