"""Sets, for one thread and a while, whether modules are in training."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from ..attributes import set_here


class HasModules(Protocol):
    """A module, as it is seen here."""

    def modules(self) -> Iterator[object]: ...


class _Local(threading.local):
    training: Mapping[int, bool] = {}  # by the ids of modules


_local = _Local()


def training_here(module: object) -> bool | None:
    """The mode that this thread has set for a module; None if it has set none."""
    return _local.training.get(id(module)) if _local.training else None


@contextmanager
def mode(module: HasModules, training: bool) -> Iterator[None]:
    """Within it, and in this thread only, a module and all below it are in training, or
    not. What `train` and `eval` have set stays as it is, and other threads see that.

    >>> import neurenix as nx
    >>> layer = nx.nn.Dropout(0.5)
    >>> with mode(layer, training=False):
    ...     layer(nx.ones(2)).tolist(), layer.training
    ([1.0, 1.0], False)
    >>> layer.training
    True
    """
    held = list(module.modules())  # as long as they are, none other has their ids
    before = _local.training
    _local.training = {**before, **{id(m): training for m in held}}
    try:
        with set_here():
            yield
    finally:
        _local.training = before
