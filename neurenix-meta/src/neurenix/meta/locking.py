"""Locks of learners: threads take turns at using and changing their values."""

from __future__ import annotations

import weakref
from contextlib import AbstractContextManager
from typing import Any

from neurenix import nn
from neurenix.attributes import changes
from neurenix.random import default_generator
from neurenix.state.locks import lock_of

# By learner: the version of all attributes when its lock was looked up, and the lock.
_LOCKS: weakref.WeakKeyDictionary[nn.Module, tuple[object, Any]]
_LOCKS = weakref.WeakKeyDictionary()


def lock_of_learner(learner: nn.Module) -> AbstractContextManager[object]:
    """The lock that a program holds whose state are the learner and the default
    generator."""
    now = changes.now
    seen, lock = _LOCKS.get(learner, (None, None))
    if seen is not now:
        state = (learner, default_generator)
        lock = lock_of([cell for s in state for cell in s.state_cells().values()])
        _LOCKS[learner] = now, lock
    held: AbstractContextManager[object] = lock
    return held
