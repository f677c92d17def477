"""Locks of learners: threads take turns at using and changing their values."""

from __future__ import annotations

import weakref
from contextlib import AbstractContextManager
from typing import Any

from neurenix import nn
from neurenix.attributes import changes
from neurenix.locks import lock_of
from neurenix.random import default_generator

# By learner: how many attributes were set when its lock was looked up, and the lock.
_LOCKS: weakref.WeakKeyDictionary[nn.Module, tuple[int, Any]]
_LOCKS = weakref.WeakKeyDictionary()


def lock_of_learner(learner: nn.Module) -> AbstractContextManager[object]:
    """The lock that a program holds whose state are the learner and the default
    generator."""
    now = changes[0]
    seen, lock = _LOCKS.get(learner, (-1, None))
    if seen != now:
        state = (learner, default_generator)
        lock = lock_of([cell for s in state for cell in s.state_cells().values()])
        _LOCKS[learner] = now, lock
    held: AbstractContextManager[object] = lock
    return held
