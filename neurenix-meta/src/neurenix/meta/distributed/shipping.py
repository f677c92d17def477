"""Sending values to workers; of one that cannot be sent, the attribute that is why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from neurenix import nn
from neurenix.errors import InvalidArgumentError, WorkerError

from ..wording import in_words
from .messages import Pupil


def shipped(ray: Any, value: object) -> Any:
    """The value in Ray's object store.

    Raises InvalidArgumentError, naming the attribute, for one that holds what cannot be
    copied to another process: an open file, a lock, a generator. WorkerError where the
    store has no room.
    """
    try:
        with room_for(ray, "what workers are told"):
            return ray.put(value)
    except (MemoryError, WorkerError):
        raise
    except Exception as error:
        path, culprit, said = _culprit(ray.cloudpickle.dumps, _whole(value), error)
        raise InvalidArgumentError(
            f"{path} is {in_words(culprit)}, which cannot be sent to other processes "
            f"({_first_line(said)}). Make it where it is used, or leave it out of "
            "what the learner and its tasks hold (__getstate__)"
        ) from error


@contextmanager
def room_for(ray: Any, what: str) -> Iterator[None]:
    """Raises WorkerError where Ray's object store, or the disk behind it, is full, or
    cannot be reached."""
    try:
        yield
    except ray.exceptions.RayError as error:
        raise WorkerError(
            f"{what}: Ray's object store on this machine does not take it "
            f"({_first_line(error)}). `ray memory` says what it holds, and `ray start "
            "--object-store-memory=` how much"
        ) from error


def _whole(value: object) -> list[tuple[str, object]]:
    """What is sent, by the names that users have for it."""
    parts = (value.method, value.optimizer) if isinstance(value, Pupil) else (value,)
    return [(type(part).__name__, part) for part in parts if part is not None]


def _culprit(
    dumps: Callable[[object], bytes],
    parts: list[tuple[str, object]],
    error: Exception,
) -> tuple[str, object, Exception]:
    """The path to the innermost part that cannot be sent, the part, and why not."""
    found = *parts[0], error
    seen: set[int] = set()
    while parts:
        path, part = parts.pop(0)
        refused = None if id(part) in seen else _refused(dumps, part)
        if refused is not None:
            seen.add(id(part))
            found = path, part, refused
            parts = [(path + name, inner) for name, inner in _parts(part)]
    return found


def _refused(dumps: Callable[[object], bytes], value: object) -> Exception | None:
    """What pickle raises of a value, whatever its kind: each type has its own."""
    try:
        dumps(value)
    except Exception as error:  # noqa: BLE001
        return error
    return None


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
