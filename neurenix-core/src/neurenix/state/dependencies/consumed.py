"""Refuses to capture what gives another value each time that it is asked: generators of
random numbers on the host, iterators. A program would keep the first value."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import length_hint
from typing import Any

import numpy as np

from ...errors import CaptureError
from .walk import Path, parts

HOST_RANDOM = (
    np.random.Generator,
    np.random.RandomState,
    np.random.BitGenerator,
    random.Random,
)
# The generators from which Python and NumPy draw if they are given none.
_EVERYWHERE: list[tuple[Any, Path]] = [
    (random.random.__self__, (None, "random")),  # type: ignore[attr-defined]
    (np.random.rand.__self__, (None, "numpy.random")),  # type: ignore[attr-defined]
]


def position(value: Any) -> Any:
    """The position of a generator or an iterator; None where it cannot be seen."""
    if isinstance(value, np.random.Generator):
        return pickle.dumps(value.bit_generator.state)
    if isinstance(value, np.random.BitGenerator):
        return pickle.dumps(value.state)
    if isinstance(value, np.random.RandomState):
        return pickle.dumps(value.get_state(legacy=False))
    if isinstance(value, random.Random):
        return value.getstate()
    left = length_hint(value, -1)
    if left >= 0:
        return left
    text = repr(value)
    return None if " at 0x" in text else text  # of itertools.count


def refusal(owner: str, value: Any, path: Path) -> CaptureError:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    why = "what it gives changes unseen"
    if isinstance(value, HOST_RANDOM):
        why = "its numbers would be drawn once (nx.random draws anew at each call)"
    return CaptureError(
        f"{owner} depends on `{''.join(parts(path))}`, a {kind}: {why}, and a program "
        "would keep what it found first. Take the value out of it before the call, "
        "and pass it as an argument"
    )


@contextmanager
def taking_nothing(owner: str, known: Iterable[tuple[Any, Path]]) -> Iterator[None]:
    """Raises CaptureError if something was taken within from one of these."""
    before = [(x, path, position(x)) for x, path in (*known, *_EVERYWHERE)]
    yield
    for x, path, then in before:
        if position(x) != then:
            raise refusal(owner, x, path)
