"""Whose turn it is to use a learner's values: threads take turns."""

from __future__ import annotations

import weakref
from contextlib import AbstractContextManager
from typing import Any

from neurenix import nn
from neurenix.attributes import changes
from neurenix.random import default_generator
from neurenix.state.locks import lock_of

# By learner: the version of all attributes when its lock was looked up, and the lock.
_TURNS: weakref.WeakKeyDictionary[nn.Module, tuple[object, Any]]
_TURNS = weakref.WeakKeyDictionary()


def turn_of(learner: nn.Module) -> AbstractContextManager[Any]:
    """The lock that a program holds whose state are the learner and the default
    generator."""
    now = changes.now
    seen, lock = _TURNS.get(learner, (None, None))
    if seen is not now:
        state = (learner, default_generator)
        lock = lock_of([cell for s in state for cell in s.state_cells().values()])
        _TURNS[learner] = now, lock
    held: AbstractContextManager[Any] = lock
    return held
