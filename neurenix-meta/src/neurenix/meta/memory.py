"""A bound on memory: how many tasks of a batch are under way at once."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix.errors import InvalidArgumentError, OutOfMemoryError

from .tasks.batches import Read, Source

LOG = logging.getLogger(__name__)

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KB": 10**3, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")


# What a program of tasks is called with: how to read a task, the data, and which.
Call = tuple[Read, tuple[nx.Tensor, ...], NDArray[np.int32]]


class MemoryPlan(NamedTuple):
    """How a run keeps to `max_memory`.

    limit   max_memory in bytes
    chunk   at most so many tasks at once; 0: as many as the engine likes
    bytes   what the program takes that way, beside data, parameters and their state
    """

    limit: int
    chunk: int
    bytes: int


def amount(what: str, value: object) -> int:
    """Bytes of a whole number, or of a text with a unit; else an error that names it.

    >>> amount("max_memory", "512 MB"), amount("max_memory", "1.5 GiB")
    (512000000, 1610612736)
    """
    wrong = InvalidArgumentError(
        f"{what}={value!r}; expected bytes as a whole number of 1 or more, or a text "
        f"with a unit, like '512 MB' ({', '.join(_UNITS)})"
    )
    if isinstance(value, str):
        found = _AMOUNT.fullmatch(value)
        if found is None or found[2] not in _UNITS:
            raise wrong
        value = math.floor(float(found[1]) * _UNITS[found[2]])
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise wrong
    return value


def limit_of(max_memory: int | str | None, compile: bool) -> int | None:
    """The bound in bytes, if there is one; InvalidArgumentError where there is no
    program that could keep to it."""
    limit = None if max_memory is None else amount("max_memory", max_memory)
    if limit is not None and not compile:
        raise InvalidArgumentError(
            f"max_memory={max_memory!r} is kept to by programs, and with compile=False "
            "there are none: leave one of them out"
        )
    return limit


def largest_calls(source: Source, size: int) -> list[Call]:
    """For each shape of tasks what a program is called with: a batch of `size`, or of
    as many as there are."""
    calls = []
    for bucket in source.buckets:
        count = size if source.largest_batch is None else min(size, len(bucket))
        picks = bucket.picks[np.arange(count) % len(bucket)]
        there, picks = bucket.loaded(picks, count)
        calls.append((there.read, there.data, picks))
    return calls


def planned(
    limit: int,
    size: int,
    make: Callable[[int], nx.Compiled],
    calls: Sequence[tuple[Any, ...]],
) -> tuple[nx.Compiled, MemoryPlan]:
    """The program that keeps to the limit with the most tasks at once.

    size    tasks of a batch
    make    the program of a chunk
    calls   arguments that it will be given; the largest of their programs counts

    Nothing runs. Raises OutOfMemoryError where one task at a time takes more, with the
    bytes, and InvalidArgumentError on a device that plans no memory.
    """
    chunk = 0
    while True:
        program = make(chunk)
        found = [program.memory_bytes(*call) for call in calls]
        known = [n for n in found if n is not None]
        if len(known) < len(found):
            raise InvalidArgumentError(
                f"max_memory={limit}: the device {nx.current_device()} does not say "
                "what its programs take; bound the tasks at once by chunk="
            )
        need = max(known)
        if need <= limit:
            break
        if chunk == 1:
            raise OutOfMemoryError(
                f"max_memory={limit}: one task at a time needs {need} bytes. Fewer "
                "examples or channels need less, and so does remat=True for methods "
                "that differentiate through inner steps"
            )
        # Of what is halved, memory is at most halved: a far limit needs fewer tries.
        now = chunk or size
        chunk = max(1, min(now // 2, now * limit // need))
    plan = MemoryPlan(limit, chunk, need)
    LOG.info(
        "max_memory=%d: %s tasks at once, %d bytes",
        limit,
        chunk or f"all {size}",
        need,
    )
    return program, plan
