"""Sending values to workers; of one that cannot be sent, the attribute that is why."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from neurenix import nn
from neurenix.errors import InvalidArgumentError

from ..wording import in_words
from .messages import Pupil

_REFUSALS = (TypeError, pickle.PicklingError)  # of pickle, for what it cannot copy


def shipped(ray: Any, value: object) -> Any:
    """The value in Ray's object store.

    Raises InvalidArgumentError, naming the attribute, for one that holds what cannot be
    copied to another process: an open file, a lock, a generator.
    """
    try:
        return ray.put(value)
    except _REFUSALS as error:
        whole = value.method if isinstance(value, Pupil) else value
        name = type(whole).__name__
        path, culprit = _culprit(ray.cloudpickle.dumps, whole, name, set())
        raise InvalidArgumentError(
            f"{path} is {in_words(culprit)}, which cannot be sent to other processes "
            f"({_first_line(error)}). Make it where it is used, or leave it out of "
            "what the learner and its tasks hold (__getstate__)"
        ) from error


def _culprit(
    dumps: Callable[[object], bytes], value: object, path: str, seen: set[int]
) -> tuple[str, object]:
    """The innermost part of a value that cannot be sent, and the path to it."""
    seen.add(id(value))
    for name, part in _parts(value):
        if id(part) not in seen and not _can_be_sent(dumps, part):
            return _culprit(dumps, part, path + name, seen)
    return path, value


def _can_be_sent(dumps: Callable[[object], bytes], value: object) -> bool:
    try:
        dumps(value)
    except _REFUSALS:
        return False
    return True


def _parts(value: object) -> Iterator[tuple[str, Any]]:
    """What a value holds, and how that is written behind it."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{i}]", part) for i, part in enumerate(value))
    elif isinstance(value, FunctionType):
        cells = zip(value.__code__.co_freevars, value.__closure__ or ())
        yield from ((f", its variable {name}", c.cell_contents) for name, c in cells)
        known = value.__globals__
        names = [n for n in value.__code__.co_names if n in known]
        yield from ((f", its global {name}", known[name]) for name in names)
    elif isinstance(value, nn.Module):
        yield from ((f".{name}", part) for name, part in _state(value).items())
    else:
        own = getattr(value, "__dict__", {})
        yield from ((f".{name}", part) for name, part in own.items())


def _state(module: nn.Module) -> dict[str, Any]:
    """What a module's copy would be made of."""
    reduced = module.__reduce_ex__(2)
    return dict(reduced[2]) if isinstance(reduced[2], dict) else vars(module)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
